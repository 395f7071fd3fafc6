"""GET /users/:id."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.conftest import codes
from tests.factories import as_row
from users.models import User

DATES = {"created_at", "updated_at", "last_login_at"}


def test_answers_exactly_four_keys(as_administrator: APIClient, regular: User) -> None:
    answer = as_administrator.get(f"/users/{regular.pk}")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": regular.pk,
        "name": "Rita Regular",
        "email": "rita@example.com",
        "client": {"id": regular.client_id, "name": "Acme"},
    }
    assert answer["ETag"].startswith('"')
    assert answer["ETag"].endswith('"')


def test_regular_user_sees_themselves_as_in_current(as_regular: APIClient, regular: User) -> None:
    one = as_regular.get(f"/users/{regular.pk}?include=active")
    other = as_regular.get("/users/current?include=active")

    assert one.status_code == 200
    assert one.json() == other.json()
    assert one["ETag"] == other["ETag"]


@pytest.mark.parametrize("include", sorted({"active"} | DATES))
def test_includes_one_key(include: str, as_administrator: APIClient, administrator: User) -> None:
    answer = as_administrator.get(f"/users/{administrator.pk}?include={include}")

    assert list(answer.json()) == ["id", "name", "email", "client", include]
    stored = as_row(administrator)[include]
    expected = stored.isoformat(timespec="microseconds") if include in DATES else stored
    assert answer.json()[include] == (
        expected.replace("+00:00", "Z") if include in DATES else expected
    )


@pytest.mark.parametrize(
    "row_id",
    ["0", "-1", str(2**63), "abc", "1.0", "1e0", "0x1", "true", "%00", "%2e%2e", "..", "9" * 5000,
     "01", "+1", "%2B1", "1_0", "1%20", "%201", "1%0A", "%D9%A1", "%EF%BC%91", "%C2%B9", "%ff",
     "null", "*", "1,2", "1;2", "{id}%20", "0{id}", "+{id}", "{id}.json", "{id}//", "{id}/x",
     "Current", "current%20", "me"],
)  # fmt: skip
def test_anything_but_a_canonical_id_is_no_such_path(
    row_id: str, as_administrator: APIClient, as_regular: APIClient, anonymous: APIClient
) -> None:
    """For whoever asks and whatever the method: there is no such path before all else."""
    for client in (as_administrator, as_regular, anonymous):
        for method in ("get", "put", "delete"):
            path = f"/users/{row_id.format(id=User.objects.order_by('pk')[0].pk)}"
            answer = getattr(client, method)(path)
            assert answer.status_code == 404, (method, path)
            assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("row_id", [2**63 - 1, 2**31, 10**18])
def test_missing_row_is_not_found(row_id: int, as_administrator: APIClient) -> None:
    answer = as_administrator.get(f"/users/{row_id}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("include=password", {"include": "invalid"}),
        ("include=", {"include": "blank"}),
        ("include=active&include=created_at", {"include": "invalid"}),
        ("page=1", {"page": "unknown_parameter"}),
        ("fields=id&include=x", {"fields": "unknown_parameter", "include": "invalid"}),
    ],
)
def test_refuses_bad_parameters(
    query: str, expected: dict[str, str], as_regular: APIClient, regular: User
) -> None:
    for path in (f"/users/{regular.pk}", "/users/current"):
        assert codes(as_regular.get(f"{path}?{query}")) == expected


def test_names_the_keys_that_can_be_included(as_regular: APIClient) -> None:
    answer = as_regular.get("/users/current?include=digest")

    assert answer.json()["errors"] == [
        {
            "parameter": "include",
            "code": "invalid",
            "detail": "Expected some of: active, status, created_at, updated_at, last_login_at.",
        }
    ]


@pytest.mark.parametrize("query", ["", "?include=active,created_at,updated_at,last_login_at"])
def test_never_shows_what_is_nobodys_business(
    query: str, as_administrator: APIClient, regular: User
) -> None:
    answer: Any = as_administrator.get(f"/users/{regular.pk}{query}")

    text = answer.content.decode()
    assert not any(word in text for word in ("argon2", "password", "token", "superuser", "staff"))
