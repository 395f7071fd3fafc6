"""POST /clients."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.sending import send


def test_answers_the_new_client_and_where_it_is(as_administrator: APIClient) -> None:
    answer = as_administrator.post("/clients", {"name": " Initech "})

    client = Client.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"id": client.pk, "name": "Initech"}
    assert answer["Location"] == f"/clients/{client.pk}"
    assert as_administrator.get(answer["Location"])["ETag"] == answer["ETag"]
    assert client.active


def test_includes_what_is_asked_for(as_administrator: APIClient) -> None:
    answer = as_administrator.post(
        "/clients?include=active,users_count", {"name": "Initech", "active": False}
    )

    assert answer.json() == {
        "id": Client.objects.get().pk,
        "name": "Initech",
        "active": False,
        "users_count": 0,
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"#/name": "required"}),
        ({"name": None}, {"#/name": "null"}),
        ({"name": 5}, {"#/name": "invalid"}),
        ({"name": " \u200b"}, {"#/name": "blank"}),
        ({"name": "a\u202eb"}, {"#/name": "invalid"}),
        ({"name": "x" * 256}, {"#/name": "max_length"}),
        ({"name": "ACME"}, {"#/name": "unique"}),
        ({"name": "école"}, {"#/name": "unique"}),
        ({"name": "ÉCOLE"}, {"#/name": "unique"}),
        ({"name": " Acme\t"}, {"#/name": "unique"}),
        ({"name": "New", "active": 1}, {"#/active": "invalid"}),
        ({"name": "New", "active": None}, {"#/active": "null"}),
        ({"name": "New", "id": 1}, {"#/id": "read_only"}),
        ({"name": "New", "users_count": 0}, {"#/users_count": "read_only"}),
        ({"name": "New", "users": []}, {"#/users": "unknown_field"}),
        ({"active": "no", "x": 1, "id": None},
         {"#/name": "required", "#/active": "invalid", "#/x": "unknown_field",
          "#/id": "read_only"}),
    ],
)  # fmt: skip
def test_refuses_what_is_wrong_and_writes_nothing(
    body: dict[str, Any], expected: dict[str, str], as_administrator: APIClient, acme: Client
) -> None:
    Client.objects.create(name="École")

    answer = as_administrator.post("/clients", body)

    assert codes(answer) == expected
    assert Client.objects.count() == 2


@pytest.mark.parametrize(
    "name", ["A.me", "Acme%", "Ac_e", ".*", "<b>", "😀" * 255, "Acme'; DROP TABLE clients; --"]
)
def test_takes_every_other_name_as_it_is(
    name: str, as_administrator: APIClient, acme: Client
) -> None:
    answer = as_administrator.post("/clients", {"name": name})

    assert answer.status_code == 201
    assert answer.json()["name"] == name


def test_tells_query_and_body_together(as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/clients?x=1&include=users", b'{"name": 1}')

    expected = {"x": "unknown_parameter", "include": "invalid", "#/name": "invalid"}
    assert codes(answer) == expected
