"""Email addresses: which are taken, and in what form."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from tests.conftest import codes
from tests.factories import UserFactory, as_row
from tests.users.auth.calls import processor_time, short
from users.emails import clean_email, clean_login_email
from users.models import User

LABEL = "d" * 63
LONGEST_DOMAIN = f"{LABEL}.{LABEL}.{'d' * 57}.com"
LONGEST = f"{'l' * 64}@{LONGEST_DOMAIN}"
NEW = {"name": "Nina New", "client_id": None, "password": "a quite unusual sentence"}

TAKEN = {
    "nina@example.com": "nina@example.com",
    "NINA@EXAMPLE.COM": "nina@example.com",
    "  nina@example.com\n": "nina@example.com",
    "\u3000nina@example.com\u00a0": "nina@example.com",
    "nina+tag@example.com": "nina+tag@example.com",
    "n.i.n.a@sub.example.co.uk": "n.i.n.a@sub.example.co.uk",
    "o'brien@example.com": "o'brien@example.com",
    "!#$%&'*+/=?^_`{|}~-@example.com": "!#$%&'*+/=?^_`{|}~-@example.com",
    "1@example.com": "1@example.com",
    "nina@b\u00fccher.example": "nina@xn--bcher-kva.example",
    "nina@bu\u0308cher.example": None,
    "NINA@b\u00fccher.EXAMPLE": "nina@xn--bcher-kva.example",
    "nina@XN--BCHER-KVA.example": "nina@xn--bcher-kva.example",
    "nina@stra\u00dfe.example": "nina@xn--strae-oqa.example",
    "nina@\u4f8b\u5b50.\u6d4b\u8bd5": "nina@xn--fsqu00a.xn--0zwm56d",
    LONGEST: LONGEST,
}

REFUSED: dict[str, str] = {
    "": "blank",
    "   ": "blank",
    "\u200b\u200d\ufeff": "blank",
    "\u3164": "blank",
    "nina": "invalid",
    "=?utf-8?q?nina?=@example.com": "invalid",  # an encoded word (RFC 2047)
    "=?utf-8?q??=@example.com": "invalid",
    "@": "invalid",
    "@example.com": "invalid",
    "nina@": "invalid",
    "nina@@example.com": "invalid",
    "ni@na@example.com": "invalid",
    '"ni@na"@example.com': "invalid",
    '"nina"@example.com': "invalid",
    "ni na@example.com": "invalid",
    "nina@exam ple.com": "invalid",
    "ni\nna@example.com": "invalid",
    "nina@example.com\nbcc: x@example.com": "invalid",
    "ni\x00na@example.com": "invalid",
    "nina\x00@example.com": "invalid",
    "ni\u200bna@example.com": "invalid",
    "nina@exam\u200bple.com": "invalid",
    "nina@exam\u00adple.com": "invalid",
    "\u202enina@example.com": "invalid",
    "nina@example.com.": "invalid",
    ".nina@example.com": "invalid",
    "nina.@example.com": "invalid",
    "ni..na@example.com": "invalid",
    "nina@.example.com": "invalid",
    "nina@example..com": "invalid",
    "nina@-example.com": "invalid",
    "nina@example-.com": "invalid",
    "nina@exa_mple.com": "invalid",
    "nina@localhost": "invalid",
    "nina@127.0.0.1": "invalid",
    "nina@127.0.0.11": "invalid",
    "nina@[127.0.0.1]": "invalid",
    "nina@[IPv6:::1]": "invalid",
    "Nina <nina@example.com>": "invalid",
    "nina@example.com, x@example.com": "invalid",
    "mailto:nina@example.com": "invalid",
    "nina(comment)@example.com": "invalid",
    "n\u00efna@example.com": "invalid",
    "\u212aim@example.com": "invalid",
    "\u017fam@example.com": "invalid",
    "\u0130da@example.com": "invalid",
    "\u0131da@example.com": "invalid",
    "nina@\u212aim.com": "invalid",
    "nina@example.\u017fe": "invalid",
    "nina@\uff45xample.com": "invalid",
    "nina@example\u3002com": "invalid",
    "nina@B\u00dcCHER.example": "invalid",
    "nina@xn--.com": "invalid",
    "nina@xn--zzzzzzzzz-.com": "invalid",
    "nina@xn--n3h.com": "invalid",
    "nina\uff20example.com": "invalid",
    f"{'l' * 65}@example.com": "invalid",
    f"nina@{'d' * 64}.com": "invalid",
    f"l{LONGEST}": "max_length",
    f"nina@{'a.' * 10_000}com": "max_length",
    f"{'l' * 64}@{chr(0xFC) + '.'}" + f"{chr(0xFC)}." * 24 + "de": "max_length",
    "@" * 100_000: "max_length",
    "\u200b" * 100_000: "max_length",
    f"nina@{chr(0xFC) * 245}.de": "invalid",
}


def create(client: APIClient, email: Any) -> Any:
    # Dumped here: DRF's test client cannot send a lone surrogate.
    body = json.dumps({**NEW, "email": email})
    return client.generic("POST", "/users", body, "application/json")


@pytest.mark.parametrize("email", [email for email, stored in TAKEN.items() if stored], ids=short)
def test_address_is_stored_in_one_form(as_administrator: APIClient, email: str) -> None:
    answer = create(as_administrator, email)

    assert answer.status_code == 201, answer.content
    assert answer.json()["email"] == TAKEN[email]
    assert User.objects.filter(email=TAKEN[email]).count() == 1
    assert clean_email(str(TAKEN[email])) == TAKEN[email]


@pytest.mark.parametrize("email", REFUSED, ids=short)
def test_what_is_no_address_is_refused(as_administrator: APIClient, email: str) -> None:
    answer = create(as_administrator, email)

    assert codes(answer) == {"#/email": REFUSED[email]}
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "code"),
    [
        (None, "null"),
        (5, "invalid"),
        (True, "invalid"),
        ([], "invalid"),
        (["nina@example.com"], "invalid"),
        ({}, "invalid"),
        ("nina\ud800@example.com", "invalid"),
    ],
    ids=short,
)
def test_what_is_no_text_is_refused(as_administrator: APIClient, email: Any, code: str) -> None:
    assert codes(create(as_administrator, email)) == {"#/email": code}
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "email",
    [f"nina@{'a.' * 10_000}com", "@" * 100_000, "x" * 1_000_000, "\u200b" * 170_000],
    ids=short,
)
def test_refusing_a_long_one_is_quick(as_administrator: APIClient, email: str) -> None:
    assert processor_time(lambda: create(as_administrator, email)) < 0.1


def test_lengths_of_the_longest() -> None:
    assert len(LONGEST) == 254
    assert clean_email(f"  {LONGEST}  ") == LONGEST


@pytest.mark.parametrize("email", [email for email in TAKEN if not TAKEN[email]])
def test_domain_that_is_not_in_normal_form_is_refused(email: str) -> None:
    with pytest.raises(ValidationError) as caught:
        clean_email(email)
    assert caught.value.code == "invalid"


@pytest.mark.parametrize(
    "again",
    [
        "nina@b\u00fccher.example",
        "NINA@B\u00fccher.EXAMPLE",
        "nina@xn--bcher-kva.example",
        " nina@XN--bcher-KVA.example ",
    ],
)
@pytest.mark.parametrize("active", [True, False])
def test_is_unique_in_every_spelling(as_administrator: APIClient, again: str, active: bool) -> None:
    UserFactory(email="nina@xn--bcher-kva.example", active=active)

    answer = create(as_administrator, again)

    assert codes(answer) == {"#/email": "unique"}
    assert answer.json()["errors"][0]["detail"] == "A user with this email already exists."


def test_own_address_in_another_spelling_is_no_change(as_regular: APIClient, regular: User) -> None:
    before = as_row(regular)

    answer = as_regular.put(f"/users/{regular.pk}", {"email": " RITA@Example.com"})

    assert answer.status_code == 200
    assert as_row(regular) == before


def test_look_alike_is_another_address(as_administrator: APIClient) -> None:
    UserFactory(email="nina@example.com")

    assert create(as_administrator, "nina@ex\u0430mple.com").status_code == 201  # Cyrillic
    assert create(as_administrator, "ni.na@example.com").status_code == 201


@pytest.mark.parametrize(
    "typed", ["nonsense", "a@b", "two words", "x" * 254, "nina@b\u00fccher.de"]
)
def test_at_a_login_whatever_can_be_typed_is_taken(typed: str) -> None:
    assert clean_login_email(f" {typed} ") == typed


def test_no_address_is_nobodys(db: None) -> None:
    assert User.canonical_email("nonsense") == ""
    assert User.canonical_email(" RITA@example.com ") == "rita@example.com"
