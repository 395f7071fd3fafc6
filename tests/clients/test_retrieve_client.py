"""GET /clients/:id."""

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import UserFactory
from users.models import User


def test_answers_exactly_two_keys(as_administrator: APIClient, acme: Client) -> None:
    answer = as_administrator.get(f"/clients/{acme.pk}")

    assert answer.status_code == 200
    assert answer.json() == {"id": acme.pk, "name": "Acme"}
    assert answer["ETag"]


def test_regular_user_sees_their_own(as_regular: APIClient, regular: User) -> None:
    UserFactory(client=regular.client, active=False)

    answer = as_regular.get(f"/clients/{regular.client_id}/?include=users_count,active")

    expected = {"id": regular.client_id, "name": "Acme", "users_count": 2, "active": True}
    assert answer.json() == expected


def test_includes_instants(as_administrator: APIClient, acme: Client) -> None:
    answer = as_administrator.get(f"/clients/{acme.pk}?include=updated_at,created_at")

    shown = acme.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert list(answer.json()) == ["id", "name", "updated_at", "created_at"]
    assert answer.json()["created_at"] == shown


@pytest.mark.parametrize("row_id", ["0", "01", "-1", str(2**63), "abc", "current", "%D9%A1", "1.0"])
def test_anything_but_a_canonical_id_is_no_such_path(
    row_id: str, as_administrator: APIClient, anonymous: APIClient
) -> None:
    for client in (as_administrator, anonymous):
        assert client.get(f"/clients/{row_id}").status_code == 404


def test_refuses_bad_parameters(as_regular: APIClient, regular: User) -> None:
    answer = as_regular.get(f"/clients/{regular.client_id}?include=id&page=1")

    assert codes(answer) == {"include": "invalid", "page": "unknown_parameter"}
