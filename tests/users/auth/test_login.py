"""POST /auth/login."""

import json
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import PASSWORD, ClientFactory, UserFactory, as_row
from tests.users.auth.calls import claims_of, current, refresh, short
from tests.users.auth.conftest import START, Clock
from users.models import Session, User

REFUSAL = {
    "type": "about:blank",
    "title": "Unauthorized",
    "status": 401,
    "code": "authentication_failed",
    "detail": "No active account has this email and password.",
    "request_id": "r1",
}


def log_in(email: Any, password: Any = PASSWORD, **headers: Any) -> Any:
    body = {"email": email, "password": password}
    return APIClient().post("/auth/login", body, HTTP_X_REQUEST_ID="r1", **headers)


def test_answers_a_pair_of_tokens(regular: User) -> None:
    answer = log_in("rita@example.com")

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"
    assert answer.json().keys() == {"access", "refresh"}
    assert current(answer.json()["access"]).json()["id"] == regular.pk
    assert refresh(answer.json()["refresh"]).status_code == 200
    assert not answer.cookies


def test_trailing_slash_is_the_same_endpoint(regular: User) -> None:
    body = {"email": regular.email, "password": PASSWORD}
    assert APIClient().post("/auth/login/", body).status_code == 200


@pytest.mark.parametrize(
    "typed",
    ["RITA@EXAMPLE.COM", "Rita@Example.com", "  rita@example.com\t", "\u3000rita@example.com"],
)
def test_email_is_taken_in_any_case_and_trimmed(regular: User, typed: str) -> None:
    assert log_in(typed).status_code == 200


def test_internationalised_domain_is_taken_in_both_forms(acme: Client) -> None:
    UserFactory(email="ida@xn--bcher-kva.example", client=acme)

    assert log_in("ida@bücher.example").status_code == 200
    assert log_in("Ida@XN--Bcher-KVA.example").status_code == 200


@pytest.mark.parametrize(
    "typed", ["\u212aim@example.com", "\u017fam@example.com", "k\u0131m@example.com"]
)
def test_letter_that_only_folds_onto_another_is_nobodys(acme: Client, typed: str) -> None:
    for local in ("kim", "sam"):
        UserFactory(email=f"{local}@example.com", client=acme)

    assert log_in(typed).status_code == 401


def test_notes_when_and_from_where(regular: User, clock: Clock) -> None:
    before = as_row(regular)

    log_in(regular.email, HTTP_USER_AGENT="Browser\t1.0" + "x" * 300, REMOTE_ADDR="192.0.2.7")

    assert as_row(regular) == {**before, "last_login_at": START}
    session = Session.objects.get()
    assert (session.user, session.address) == (regular, "192.0.2.7")
    assert session.user_agent == ("Browser1.0" + "x" * 300)[:255]
    assert session.expires_at == START + timedelta(days=14)


@pytest.mark.parametrize(
    ("peer", "noted"),
    [
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("unix:/run/x", None),
        ("", None),
    ],
)
def test_odd_peer_address_does_not_hinder(regular: User, peer: str, noted: str | None) -> None:
    assert log_in(regular.email, REMOTE_ADDR=peer).status_code == 200
    assert Session.objects.get().address == noted


def test_every_login_is_a_session_of_its_own(regular: User) -> None:
    one, other = (claims_of(log_in(regular.email).json()["access"]) for _ in range(2))

    assert one["sid"] != other["sid"]
    assert one["jti"] != other["jti"]


REFUSED: dict[str, tuple[str, str]] = {
    "wrong password": ("rita@example.com", "wrong"),
    "right password and a space": ("rita@example.com", f"{PASSWORD} "),
    "other case": ("rita@example.com", PASSWORD.upper()),
    "unknown email": ("nobody@example.com", PASSWORD),
    "no address at all": ("rita", PASSWORD),
    "two at": ("rita@@example.com", PASSWORD),
    "only trailing dot": ("rita@example.com.", PASSWORD),
    "pattern": ("%@example.com", PASSWORD),
    "inactive user": ("ina@example.com", PASSWORD),
    "inactive user, wrong password": ("ina@example.com", "wrong"),
    "inactive client": ("ian@example.com", PASSWORD),
    "inactive client, wrong password": ("ian@example.com", "wrong"),
    "password that is its digest": ("rita@example.com", "DIGEST"),
    "longest password": ("rita@example.com", "x" * 1024),
    "spaces": ("rita@example.com", "   "),
    "NUL": ("rita@example.com", "\x00"),
    "SQL": ("' OR 1=1 --", "' OR 1=1 --"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_refusal_is_the_same(regular: User, inactive: User, case: str) -> None:
    UserFactory(email="ian@example.com", client=ClientFactory(active=False))
    rows = [as_row(user) for user in User.objects.all()]
    email, password = REFUSED[case]

    answer = log_in(email, regular.password if password == "DIGEST" else password)

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert answer.content == log_in("someone@else.example", "x").content
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"
    assert not Session.objects.exists()
    assert [as_row(user) for user in User.objects.all()] == rows


def test_headers_of_refusals_are_the_same(regular: User, inactive: User) -> None:
    emails = ("rita@example.com", "ina@example.com", "nobody@example.com")
    one, *others = (log_in(email, "wrong") for email in emails)

    assert all(other.headers == one.headers for other in others)


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        ("", "blank"),
        (12345678, "invalid"),
        (1.5, "invalid"),
        (True, "invalid"),
        ([], "invalid"),
        (["x"], "invalid"),
        ({}, "invalid"),
        ("\ud800", "invalid"),
        ("x" * 1025, "max_length"),
        ("x" * 1_000_000, "max_length"),
    ],
    ids=short,
)
def test_refuses_what_is_no_text_without_hashing(
    regular: User, costs: list[int], field: str, value: Any, code: str
) -> None:
    body = {"email": regular.email, "password": PASSWORD, field: value}
    # Dumped here: DRF's test client cannot send a lone surrogate.
    answer = APIClient().generic("POST", "/auth/login", json.dumps(body), "application/json")

    assert codes(answer) == {f"#/{field}": code}
    assert costs == []
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("   ", "blank"),
        ("\u200b\u200b", "blank"),
        ("rita\x00@example.com", "invalid"),
        ("rita\n@example.com", "invalid"),
        ("rita\u200b@example.com", "invalid"),
        ("x" * 255, "max_length"),
        ("\u200b" * 300_000, "max_length"),
    ],
    ids=short,
)
def test_refuses_what_no_email_can_be(
    regular: User, costs: list[int], email: str, code: str
) -> None:
    assert codes(log_in(email)) == {"#/email": code}
    assert costs == []


def test_tells_all_faults_at_once(db: None, costs: list[int]) -> None:
    answer = APIClient().post("/auth/login?email=a", {"username": "a", "client_id": 1})

    assert codes(answer) == {
        "email": "unknown_parameter",
        "#/username": "unknown_field",
        "#/client_id": "unknown_field",
        "#/email": "required",
        "#/password": "required",
    }
    assert costs == []


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic eDp5", ""])
def test_looks_at_no_authorization_header(regular: User, header: str) -> None:
    assert log_in(regular.email, HTTP_AUTHORIZATION=header).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options", "trace"])
@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout"])
def test_offers_post_alone(db: None, method: str, path: str) -> None:
    answer = getattr(APIClient(), method)(path)

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "password", ["  leading space 1", "trailing space 1  ", "in   the   middle"]
)
def test_spaces_of_a_password_count(acme: Client, password: str) -> None:
    user = UserFactory(client=acme, password=make_password(password))

    assert log_in(user.email, password).status_code == 200
    assert log_in(user.email, password.strip().replace("   ", " ")).status_code == 401
    assert log_in(user.email, f" {password}").status_code == 401


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_password_is_compared_in_one_normal_form(acme: Client, form: Any) -> None:
    password = "\uff23rème brûlée № ﬁve"
    user = UserFactory(client=acme, password=make_password(password))

    assert log_in(user.email, unicodedata.normalize(form, password)).status_code == 200


def test_digest_of_older_parameters_is_made_anew(regular: User, old_digest: str) -> None:
    User.objects.filter(pk=regular.pk).update(password=old_digest)
    log_in(regular.email, "wrong")
    before = as_row(regular)
    assert before["password"] == old_digest

    answer = log_in(regular.email)

    after = as_row(regular)
    assert after["password"].startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    kept = before.keys() - {"password", "last_login_at"}
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert current(answer.json()["access"]).status_code == 200
    assert log_in(regular.email).status_code == 200
    assert as_row(regular)["password"] == after["password"]


def test_new_digest_ends_no_session(regular: User, old_digest: str) -> None:
    tokens = log_in(regular.email).json()
    User.objects.filter(pk=regular.pk).update(password=old_digest)

    log_in(regular.email)

    assert current(tokens["access"]).status_code == 200


def test_two_logins_that_both_renew_the_digest_both_succeed(
    regular: User, old_digest: str, while_verifying: Callable[..., None]
) -> None:
    User.objects.filter(pk=regular.pk).update(password=old_digest)
    others: list[int] = []
    while_verifying(lambda: others.append(log_in(regular.email).status_code))

    answer = log_in(regular.email)

    assert [answer.status_code, *others] == [200, 200]
    assert Session.objects.count() == 2


def test_digest_that_changes_each_time_ends_in_a_refusal(
    regular: User, while_verifying: Callable[..., None]
) -> None:
    def renew() -> None:
        User.objects.filter(pk=regular.pk).update(password=make_password(PASSWORD))

    def renew_twice() -> None:
        renew()
        while_verifying(renew)

    while_verifying(renew_twice)

    assert log_in(regular.email).status_code == 401
    assert not Session.objects.exists()
    assert log_in(regular.email).status_code == 200


MEANWHILE: dict[str, Callable[[User], Any]] = {
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(active=False),
    "client deactivated": lambda user: Client.objects.filter(users=user).update(active=False),
    "password changed": lambda user: User.objects.filter(pk=user.pk).update(
        password=make_password("another password")
    ),
    "gone": lambda user: user.delete(),
}


@pytest.mark.parametrize("event", MEANWHILE)
def test_what_happens_while_the_password_is_verified_counts(
    regular: User, while_verifying: Callable[..., None], event: str
) -> None:
    while_verifying(lambda: MEANWHILE[event](regular))

    answer = log_in(regular.email)

    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert not Session.objects.exists()


@pytest.mark.parametrize("digest", ["", "!", "nonsense", "md5$a$b", "pbkdf2_sha256$1$a$b"])
def test_unusable_digest_lets_nobody_in(regular: User, costs: list[int], digest: str) -> None:
    User.objects.filter(pk=regular.pk).update(password=digest)

    assert log_in(regular.email).status_code == 401
    assert log_in(regular.email, digest or "x").status_code == 401
    assert len(costs) == 2
