"""What a password must be."""

import json
import unicodedata
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.conftest import codes
from tests.factories import PASSWORD, as_row
from tests.users.auth.calls import processor_time, short
from users.models import User

NEW = {"name": "Nina Newcomer", "email": "nina.newcomer@example.com", "client_id": None}
UNUSUAL = "a quite unusual sentence, "


def create(client: APIClient, **fields: Any) -> Any:
    # Dumped here: DRF's test client cannot send a lone surrogate.
    body = json.dumps({**NEW, **fields})
    return client.generic("POST", "/users", body, "application/json")


def of_length(length: int) -> str:
    return (UNUSUAL * 50)[: length - 1] + "!"


TAKEN: dict[str, str] = {
    "12": of_length(12),
    "64": of_length(64),
    "128": of_length(128),
    "lower case alone": "velvet harbour engine moss",
    "spaces around": "  velvet harbour  ",
    "emoji": "\U0001f98a\U0001f680\U0001f433\U0001f340" * 3,
    "other scripts": "\u0437\u0430\u0439\u0447\u0438\u043a \u0438 \u043b\u0438\u0441\u0430",
    "control characters": "velvet\x00harbour\x07engine\n",
    "128 in NFKC, 256 as sent": "e\u0301" * 127 + "!",
    "12 in NFKC, 4 as sent": "\u3392\u3392\u3392\u3392",
    "a word of no list twice": "velvetharbourvelvetharbour",
    "nearly in order": "123456789013",
    "digits of no list": "739518204657",
    "1024 as sent, fewer in NFKC": unicodedata.normalize("NFKD", "\u1f82" * 128),
}

REFUSED: dict[str, tuple[str, set[str]]] = {
    "11": (of_length(11), {"password_too_short"}),
    "2": ("\u00fcx", {"password_too_short"}),
    "129": (of_length(129), {"max_length"}),
    "1024": (of_length(1024), {"max_length"}),
    "1025": (of_length(1025), {"max_length"}),
    "1 MB": ("x" * 1_000_000, {"max_length"}),
    "11 in NFKC, 22 as sent": ("e\u0301" * 10 + "!", {"password_too_short"}),
    "129 in NFKC, 43 as sent": ("\u00bc" * 43, {"max_length"}),
    "2304 in NFKC": ("\ufdfa" * 128, {"max_length"}),
    "15 spaces": (" " * 15, {"blank"}),
    "white space": ("\u3000\t\n" * 5, {"blank"}),
    "zero-width": ("\u200b" * 15, {"blank"}),
    "invisible": ("\u3164\u2063\ufe0f " * 4, {"blank"}),
    "3 spaces": ("   ", {"blank", "password_too_short"}),
    "common": ("password1234", {"password_too_common"}),
    "common in capitals": ("PASSWORD1234", {"password_too_common"}),
    "common, full-width": (
        "".join(chr(ord(c) + 0xFEE0) for c in "password1234"),
        {"password_too_common"},
    ),
    "common digits": ("123456789123456", {"password_too_common"}),
    "common and short": ("superman", {"password_too_common", "password_too_short"}),
    "digits in their order": ("123456789012", {"password_too_common"}),
    "digits backwards": ("210987654321", {"password_too_common"}),
    "letters in their order": ("ABCDEFGHIJKL", {"password_too_common"}),
    "letters backwards, around the end": ("cbazyxwvutsr", {"password_too_common"}),
    "one letter": ("aaaaaaaaaaaa", {"password_too_common"}),
    "one sign": ("!!!!!!!!!!!!", {"password_too_common"}),
    "two digits": ("131313131313", {"password_too_common"}),
    "a common one twice": ("PasswordPassword", {"password_too_common"}),
    "a common one four times": ("123123123123", {"password_too_common"}),
    "the name": ("Nina Newcomer", {"password_too_similar"}),
    "the name in capitals": ("NINA NEWCOMER", {"password_too_similar"}),
    "near the name": ("ninanewcomer1", {"password_too_similar"}),
    "the email": ("nina.newcomer@example.com", {"password_too_similar"}),
    "near the email": ("nina.newcomer@example.org", {"password_too_similar"}),
    "the name, full-width": (
        "".join(chr(ord(c) + 0xFEE0) for c in "NinaNewcomer"),
        {"password_too_similar"},
    ),
}


def faults(answer: Any) -> set[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


@pytest.mark.parametrize("case", TAKEN)
def test_password_is_taken_and_opens(as_administrator: APIClient, case: str) -> None:
    answer = create(as_administrator, password=TAKEN[case])

    assert answer.status_code == 201, answer.content
    body = {"email": NEW["email"], "password": TAKEN[case]}
    assert APIClient().post("/auth/login", body).status_code == 200
    trimmed = TAKEN[case].strip()
    if trimmed != TAKEN[case]:
        body["password"] = trimmed
        assert APIClient().post("/auth/login", body).status_code == 401


@pytest.mark.parametrize("case", REFUSED)
def test_weak_password_is_refused(as_administrator: APIClient, case: str) -> None:
    password, expected = REFUSED[case]
    answer = create(as_administrator, password=password)

    assert faults(answer) == {("#/password", code) for code in expected}
    assert password not in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("case", REFUSED)
def test_weak_password_of_ones_own_is_refused(
    as_regular: APIClient, regular: User, case: str
) -> None:
    User.objects.filter(pk=regular.pk).update(name=NEW["name"], email=NEW["email"])
    password, expected = REFUSED[case]
    before = as_row(regular)

    body = {"password": password, "current_password": PASSWORD}
    answer = as_regular.put(f"/users/{regular.pk}", body)

    assert faults(answer) == {("#/password", code) for code in expected}
    assert as_row(regular) == before


@pytest.mark.parametrize("field", ["password", "password_confirmation"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        (123456789012, "invalid"),
        (True, "invalid"),
        ([], "invalid"),
        (["a quite unusual sentence"], "invalid"),
        ({}, "invalid"),
        ("a quite unusual \ud800", "invalid"),
        ("x" * 1025, "max_length"),
    ],
    ids=short,
)
def test_what_is_no_text_is_refused(
    as_administrator: APIClient, field: str, value: Any, code: str
) -> None:
    fields = {"password": of_length(20), "password_confirmation": of_length(20), field: value}

    assert codes(create(as_administrator, **fields)) == {f"#/{field}": code}
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "password", ["x" * 1_000_000, "\ufdfa" * 170_000, " " * 1_000_000], ids=short
)
def test_refusing_a_long_one_is_quick(as_administrator: APIClient, password: str) -> None:
    assert processor_time(lambda: create(as_administrator, password=password)) < 0.1


def test_empty_password_is_blank(as_administrator: APIClient) -> None:
    assert codes(create(as_administrator, password="")) == {"#/password": "blank"}


def test_password_is_required(as_administrator: APIClient) -> None:
    assert codes(create(as_administrator)) == {"#/password": "required"}


@pytest.mark.parametrize(
    "confirmation",
    ["", " ", "Velvet harbour engine", "velvet harbour engine ", " velvet harbour engine", "x"],
)
def test_other_confirmation_is_refused(as_administrator: APIClient, confirmation: str) -> None:
    password = "velvet harbour engine"
    answer = create(as_administrator, password=password, password_confirmation=confirmation)

    assert codes(answer) == {"#/password_confirmation": "mismatch"}
    assert User.objects.count() == 1


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_confirmation_in_another_normal_form_is_equal(
    as_administrator: APIClient, form: Any
) -> None:
    password = "cr\u00e8me br\u00fbl\u00e9e \ufb01ve"
    confirmation = unicodedata.normalize(form, password)

    answer = create(as_administrator, password=password, password_confirmation=confirmation)
    assert answer.status_code == 201


def test_confirmation_without_password_is_refused(
    as_administrator: APIClient, regular: User
) -> None:
    confirmation = {"password_confirmation": of_length(20)}

    assert codes(create(as_administrator, **confirmation)) == {"#/password": "required"}
    answer = as_administrator.put(f"/users/{regular.pk}", confirmation)
    assert codes(answer) == {"#/password": "required"}


def test_is_compared_with_the_new_name_and_email_of_the_same_body(
    as_administrator: APIClient, regular: User
) -> None:
    body = {"name": "Velvet Harbour", "password": "velvet harbour"}
    answer = as_administrator.put(f"/users/{regular.pk}", body)
    assert codes(answer) == {"#/password": "password_too_similar"}


@pytest.mark.parametrize(("length", "status"), [(19, 400), (20, 201)])
def test_minimum_is_a_setting(
    as_administrator: APIClient, settings: Settings, length: int, status: int
) -> None:
    settings.PASSWORD_MIN_LENGTH = 20
    answer = create(as_administrator, password=of_length(length))

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["errors"] == [
            {
                "pointer": "#/password",
                "code": "password_too_short",
                "detail": "Use at least 20 characters.",
            }
        ]


def test_equal_passwords_are_stored_unequal(as_administrator: APIClient) -> None:
    for number in range(2):
        create(as_administrator, email=f"n{number}@example.com", password=of_length(20))

    digests = User.objects.exclude(email="ada@example.com").values_list("password", flat=True)
    assert len(set(digests)) == 2
    assert not any(of_length(20) in digest for digest in digests)


def test_no_answer_shows_a_password(as_administrator: APIClient) -> None:
    answer = create(as_administrator, password=of_length(20))
    digest = User.objects.get(email=NEW["email"]).password
    path = f"{answer['Location']}?include=active,created_at,updated_at,last_login_at"

    for shown in (answer, as_administrator.get(path), as_administrator.get("/users")):
        assert "password" not in shown.content.decode()
        assert digest not in shown.content.decode()
    assert codes(as_administrator.get("/users?include=password")) == {"include": "invalid"}
