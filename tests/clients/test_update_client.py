"""PUT and PATCH /clients/:id."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login, codes
from tests.factories import UserFactory
from tests.sending import send
from users.models import Session, User

ALL = "?include=active,users_count,created_at,updated_at"


def row_of(client: Client) -> dict[str, Any]:
    return dict(Client.objects.filter(pk=client.pk).values().get())


@pytest.mark.parametrize("method", ["put", "patch"])
def test_changes_what_is_sent_and_nothing_else(
    method: str, as_administrator: APIClient, acme: Client
) -> None:
    before = row_of(acme)

    answer = getattr(as_administrator, method)(f"/clients/{acme.pk}", {"name": "Acme Ltd"})

    assert answer.status_code == 200
    assert answer.json() == {"id": acme.pk, "name": "Acme Ltd"}
    after = row_of(acme)
    assert {key for key in after if after[key] != before[key]} == {"name", "updated_at"}


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_nothing_sent_changes_nothing(
    body: bytes, as_administrator: APIClient, acme: Client
) -> None:
    before = row_of(acme)

    answer = send(as_administrator, "PUT", f"/clients/{acme.pk}", body)

    assert answer.status_code == 200
    assert row_of(acme) == before


@pytest.mark.parametrize("include", ["", "?include=active", ALL])
def test_what_get_answers_can_be_put_back(
    include: str, as_administrator: APIClient, regular: User, acme: Client
) -> None:
    path = f"/clients/{acme.pk}{include}"
    got = as_administrator.get(path)
    before = row_of(acme)

    answer = as_administrator.put(path, got.json(), headers={"If-Match": got["ETag"]})

    assert answer.status_code == 200
    assert answer.json() == got.json()
    assert answer["ETag"] == got["ETag"]
    assert row_of(acme) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "globex"}, {"#/name": "unique"}),
        ({"name": "\u00a0GLOBEX "}, {"#/name": "unique"}),
        ({"name": None}, {"#/name": "null"}),
        ({"name": ""}, {"#/name": "blank"}),
        ({"active": "false"}, {"#/active": "invalid"}),
        ({"active": 0, "name": "New"}, {"#/active": "invalid"}),
        ({"id": True}, {"#/id": "read_only"}),
        ({"id": 2**62, "name": "New"}, {"#/id": "read_only"}),
        ({"users_count": 1.0}, {"#/users_count": "read_only"}),
        ({"users_count": False}, {"#/users_count": "read_only"}),
        ({"created_at": "x", "updated_at": None},
         {"#/created_at": "read_only", "#/updated_at": "read_only"}),
        ({"client_id": 1, "Name": "x"},
         {"#/client_id": "unknown_field", "#/Name": "unknown_field"}),
    ],
)  # fmt: skip
def test_refuses_what_is_wrong_and_changes_nothing(
    body: dict[str, Any],
    expected: dict[str, str],
    as_administrator: APIClient,
    regular: User,
    acme: Client,
    globex: Client,
) -> None:
    before = row_of(acme)

    answer = as_administrator.put(f"/clients/{acme.pk}", body)

    assert codes(answer) == expected
    assert row_of(acme) == before


def test_own_name_in_another_case_is_free(as_administrator: APIClient, acme: Client) -> None:
    assert as_administrator.put(f"/clients/{acme.pk}", {"name": "ACME"}).json()["name"] == "ACME"


def test_switching_off_stops_its_users_and_on_revives_none(
    as_administrator: APIClient, regular: User, stranger: User, acme: Client, login: Login
) -> None:
    mine, theirs = login(regular), login(stranger)

    as_administrator.put(f"/clients/{acme.pk}", {"active": False})

    assert mine.get("/users/current").status_code == 401
    assert theirs.get("/users/current").status_code == 200
    as_administrator.put(f"/clients/{acme.pk}", {"active": True})
    assert mine.get("/users/current").status_code == 401
    assert not Session.objects.filter(user=regular).exists()
    assert login(regular).get("/users/current").status_code == 200


def test_renaming_ends_no_session(
    as_administrator: APIClient, regular: User, acme: Client, login: Login
) -> None:
    client = login(regular)

    as_administrator.put(f"/clients/{acme.pk}", {"name": "Acme Ltd", "active": True})

    assert client.get("/users/current").json()["client"]["name"] == "Acme Ltd"


def test_etag_changes_with_every_field(as_administrator: APIClient, acme: Client) -> None:
    path = f"/clients/{acme.pk}"
    changes = [{}, {"name": "A"}, {"active": False}, {"active": True}]

    tags = [as_administrator.put(path, change)["ETag"] for change in changes]

    assert len(set(tags)) == 4
    assert as_administrator.get(path)["ETag"] == tags[-1]


@pytest.mark.parametrize(
    ("condition", "status"), [("{tag}", 200), ("*", 200), ("W/{tag}", 412), ('"old"', 412)]
)
def test_if_match_is_kept(
    condition: str, status: int, as_administrator: APIClient, acme: Client
) -> None:
    tag = as_administrator.get(f"/clients/{acme.pk}")["ETag"]
    before = row_of(acme)
    headers = {"If-Match": condition.format(tag=tag)}

    answer = as_administrator.put(f"/clients/{acme.pk}", {"name": "New"}, headers=headers)

    assert answer.status_code == status
    assert (row_of(acme) == before) == (status == 412)


def test_bad_body_is_told_before_a_stale_etag(as_administrator: APIClient, acme: Client) -> None:
    headers = {"If-Match": '"old"'}

    answer = as_administrator.put(f"/clients/{acme.pk}", {"name": ""}, headers=headers)

    assert codes(answer) == {"#/name": "blank"}


def test_users_count_is_of_now(as_administrator: APIClient, acme: Client) -> None:
    UserFactory.create_batch(2, client=acme)

    answer = as_administrator.put(f"/clients/{acme.pk}{ALL}", {"users_count": 2, "name": "New"})

    assert answer.json()["users_count"] == 2


@pytest.mark.parametrize("method", ["delete", "post"])
def test_nothing_deletes_clients(method: str, as_administrator: APIClient, acme: Client) -> None:
    answer = getattr(as_administrator, method)(f"/clients/{acme.pk}")

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, PUT, PATCH, HEAD"
    assert Client.objects.filter(pk=acme.pk).exists()
