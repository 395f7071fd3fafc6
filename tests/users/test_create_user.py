"""POST /users."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login, codes
from tests.factories import UserFactory
from tests.sending import send
from users.models import User

PASSWORD = "an entirely new sentence"


def body_of(**fields: Any) -> dict[str, Any]:
    """Return a body that makes an administrator, with these fields in it."""
    return {
        "name": "Nora New",
        "email": "nora@example.com",
        "client_id": None,
        "password": PASSWORD,
        **fields,
    }


def test_answers_the_new_user_and_where_it_is(as_administrator: APIClient, acme: Client) -> None:
    answer = as_administrator.post("/users", body_of(client_id=acme.pk))

    user = User.objects.get(email="nora@example.com")
    assert answer.status_code == 201
    assert answer.json() == {
        "id": user.pk,
        "name": "Nora New",
        "email": "nora@example.com",
        "client": {"id": acme.pk, "name": "Acme"},
    }
    assert answer["Location"] == f"/users/{user.pk}"
    got = as_administrator.get(answer["Location"])
    assert got.json() == answer.json()
    assert got["ETag"] == answer["ETag"]


def test_includes_what_is_asked_for(as_administrator: APIClient) -> None:
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False):
        moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = body_of(active=False)
        as_administrator.force_authenticate(User.objects.get())  # the token is of another year

        answer = as_administrator.post(
            "/users?include=active,created_at,updated_at,last_login_at", body
        )

    shown = answer.json()
    assert set(shown) == {
        "id", "name", "email", "client", "active", "created_at", "updated_at", "last_login_at"
    }  # fmt: skip
    assert (shown["active"], shown["last_login_at"]) == (False, None)
    assert shown["created_at"] == moment


def test_new_user_is_active_and_can_log_in(as_administrator: APIClient, login: Login) -> None:
    as_administrator.post("/users", body_of())

    user = User.objects.get(email="nora@example.com")
    assert user.active
    assert login(user, PASSWORD).get("/users").status_code == 200


@pytest.mark.parametrize("missing", ["name", "email", "client_id", "password"])
def test_demands_its_fields(missing: str, as_administrator: APIClient) -> None:
    """Above all `client_id`: forgetting it never makes an administrator."""
    body = body_of()
    del body[missing]

    answer = as_administrator.post("/users", body)

    assert codes(answer) == {f"#/{missing}": "required"}
    assert User.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_demands_all_of_them_at_once(body: bytes, as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/users", body)

    names = ("name", "email", "client_id", "password")
    assert codes(answer) == {f"#/{name}": "required" for name in names}


def test_null_client_makes_an_administrator_on_purpose(as_administrator: APIClient) -> None:
    answer = as_administrator.post("/users", body_of(client_id=None))

    assert answer.status_code == 201
    assert answer.json()["client"] is None
    assert User.objects.get(email="nora@example.com").is_administrator


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"current_password": "x"}, {"#/current_password": "unknown_field"}),
        ({"is_superuser": True}, {"#/is_superuser": "unknown_field"}),
        ({"id": 7}, {"#/id": "read_only"}),
        ({"client": None}, {"#/client": "read_only"}),
        ({"created_at": None, "updated_at": None, "last_login_at": None},
         {f"#/{name}_at": "read_only" for name in ("created", "updated", "last_login")}),
        ({"client_id": 2**62}, {"#/client_id": "does_not_exist"}),
        ({"client_id": 2**63}, {"#/client_id": "does_not_exist"}),
        ({"client_id": 0}, {"#/client_id": "does_not_exist"}),
        ({"client_id": "7"}, {"#/client_id": "invalid"}),
        ({"client_id": 7.0}, {"#/client_id": "invalid"}),
        ({"client_id": True}, {"#/client_id": "invalid"}),
        ({"client_id": ""}, {"#/client_id": "invalid"}),
        ({"active": "true"}, {"#/active": "invalid"}),
        ({"active": None}, {"#/active": "null"}),
        ({"email": "ADA@example.com"}, {"#/email": "unique"}),
        ({"email": "a@localhost"}, {"#/email": "invalid"}),
        ({"email": "x" * 65 + "@example.com"}, {"#/email": "invalid"}),
        ({"email": ".".join("a" * 10_000) + "@x.org"}, {"#/email": "max_length"}),
        ({"email": "a@" + ".".join(["b"] * 10_000)}, {"#/email": "max_length"}),
        ({"password_confirmation": "other"}, {"#/password_confirmation": "mismatch"}),
        ({"password_confirmation": PASSWORD + " "}, {"#/password_confirmation": "mismatch"}),
        ({"password_confirmation": None}, {"#/password_confirmation": "null"}),
        ({"password": "x" * 11 + "y"}, {}),
        ({"password": "x" * 10 + "y"}, {"#/password": "password_too_short"}),
        ({"password": "nora@example.com"}, {"#/password": "password_too_similar"}),
        ({"name": "x" * 2**19}, {"#/name": "max_length"}),
        ({"name": None, "email": 5, "client_id": [], "password": {}, "active": 1, "x": 1, "id": 1},
         {"#/name": "null", "#/email": "invalid", "#/client_id": "invalid",
          "#/password": "invalid", "#/active": "invalid", "#/x": "unknown_field",
          "#/id": "read_only"}),
    ],
)  # fmt: skip
def test_refuses_what_is_wrong_and_writes_nothing(
    fields: dict[str, Any], expected: dict[str, str], as_administrator: APIClient
) -> None:
    before = User.objects.count()

    answer = as_administrator.post("/users", body_of(**fields))

    assert answer.status_code == (400 if expected else 201)
    if expected:
        assert codes(answer) == expected
        assert User.objects.count() == before


NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "${jndi:ldap://x/y}",
    "'; DROP TABLE users; --",
    "%s%n%x",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "\\u0000",
    "Zoë 王 🏳️‍🌈",
    "😀" * 255,
    "a" * 255,
    "e\u0301",
]


@pytest.mark.parametrize("name", NAMES)
def test_stores_any_name_as_it_is(name: str, as_administrator: APIClient) -> None:
    answer = as_administrator.post("/users", body_of(name=name))

    assert answer.status_code == 201
    assert answer.json()["name"] == name
    assert User.objects.get(email="nora@example.com").name == name
    assert as_administrator.get("/users?ordering=-id").json()["results"][0]["name"] == name
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(("given", "stored"), [(" A ", "A"), ("\u3000A\u00a0B\t", "A\u00a0B")])
def test_trims_names(given: str, stored: str, as_administrator: APIClient) -> None:
    answer = as_administrator.post("/users", body_of(name=given))

    assert answer.json()["name"] == stored


@pytest.mark.parametrize("spaces", [PASSWORD + " ", "  " + PASSWORD])
def test_keeps_the_spaces_of_a_password(
    spaces: str, as_administrator: APIClient, anonymous: APIClient, login: Login
) -> None:
    as_administrator.post("/users", body_of(password=spaces, password_confirmation=spaces))

    login(User.objects.get(email="nora@example.com"), spaces)
    trimmed = {"email": "nora@example.com", "password": PASSWORD}
    assert anonymous.post("/auth/login", trimmed).status_code == 401


def test_repeating_a_post_never_makes_a_second_user(as_administrator: APIClient) -> None:
    first = as_administrator.post("/users", body_of())
    second = as_administrator.post("/users", body_of(email=" NORA@EXAMPLE.com"))

    assert (first.status_code, second.status_code) == (201, 400)
    assert User.objects.filter(email__iexact="nora@example.com").count() == 1


def test_query_and_body_are_told_together(as_administrator: APIClient) -> None:
    answer = as_administrator.post("/users?page=1&include=", body_of(name=""))

    assert codes(answer) == {"page": "unknown_parameter", "include": "blank", "#/name": "blank"}
    assert User.objects.count() == 1


def test_never_shows_a_password(as_administrator: APIClient) -> None:
    good = as_administrator.post("/users", body_of())
    bad = as_administrator.post("/users", body_of(password_confirmation="not the same sentence"))
    listed = as_administrator.get("/users")

    for answer in (good, bad, listed):
        text = answer.content.decode() + str(answer.headers)
        assert not any(word in text for word in (PASSWORD, "argon2", "digest", "not the same s"))


def test_client_may_be_inactive(as_administrator: APIClient, acme: Client) -> None:
    Client.objects.filter(pk=acme.pk).update(active=False)

    answer = as_administrator.post("/users", body_of(client_id=acme.pk))

    assert answer.status_code == 201


def test_names_need_not_differ(as_administrator: APIClient) -> None:
    UserFactory(name="Nora New")

    assert as_administrator.post("/users", body_of()).status_code == 201
