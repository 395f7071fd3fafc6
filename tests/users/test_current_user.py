"""GET /users/current."""

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login
from tests.factories import as_row
from users.models import User


def test_answers_the_caller(as_regular: APIClient, regular: User) -> None:
    answer = as_regular.get("/users/current")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": regular.pk,
        "name": "Rita Regular",
        "email": "rita@example.com",
        "client": {"id": regular.client_id, "name": "Acme"},
    }


def test_answers_an_administrator(as_administrator: APIClient, administrator: User) -> None:
    answer = as_administrator.get("/users/current/?include=active")

    assert answer.json() == {
        "id": administrator.pk,
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "client": None,
        "active": True,
    }


def test_has_the_etag_that_a_change_asks_for(as_regular: APIClient, regular: User) -> None:
    tag = as_regular.get("/users/current")["ETag"]

    answer = as_regular.put(f"/users/{regular.pk}", {"name": "New"}, headers={"If-Match": tag})

    assert answer.status_code == 200
    assert as_regular.get("/users/current")["ETag"] == answer["ETag"] != tag


@pytest.mark.parametrize("method", ["put", "patch", "post", "delete"])
def test_can_only_be_read(method: str, as_regular: APIClient, regular: User) -> None:
    before = as_row(regular)

    answer = getattr(as_regular, method)("/users/current", {"name": "New"})

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
    assert as_row(regular) == before


def test_deactivation_bites_on_the_next_request(
    regular: User, acme: Client, login: Login, as_administrator: APIClient
) -> None:
    client = login(regular)
    as_administrator.put(f"/users/{regular.pk}", {"active": False})

    assert client.get("/users/current").status_code == 401


def test_deactivation_of_the_client_bites_too(
    regular: User, acme: Client, login: Login, as_administrator: APIClient
) -> None:
    client = login(regular)
    as_administrator.put(f"/clients/{acme.pk}", {"active": False})
    stopped = client.get("/users/current").status_code
    as_administrator.put(f"/clients/{acme.pk}", {"active": True})

    assert stopped == 401
    assert client.get("/users/current").status_code == 401
    assert login(regular).get("/users/current").status_code == 200
