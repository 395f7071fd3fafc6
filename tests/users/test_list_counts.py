"""The `count` of GET /users: kept by triggers where it can be, and always that of the rows."""

from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from clients.models import Client
from tests.factories import ClientFactory, InvitedFactory, UserFactory
from tests.users.test_counts import Writer
from users.filters import UserFilters, known_total
from users.managers import ROLES
from users.models import STATUSES, User

NOTHING = dict.fromkeys(UserFilters.query_fields())


def choices(*clients: int) -> list[dict[str, Any]]:
    """Return every combination of the filters whose users are counted by triggers."""
    values: dict[str, list[Any]] = {
        "client_id": [None, *clients],
        "role": [None, *ROLES],
        "active": [None, "true", "false"],
        "status": [None, *STATUSES],
    }
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def is_kept(user: User, chosen: dict[str, Any]) -> bool:
    """Tell by the contract's words whether a list with these filters has the user."""
    role = "administrator" if user.client_id is None else "regular"
    shown = {
        "client_id": user.client_id,
        "role": role,
        "active": "true" if user.active else "false",
        "status": user.status,
    }
    return all(shown[name] == value for name, value in chosen.items() if value is not None)


@pytest.mark.parametrize("seed", range(3))
def test_is_that_of_the_rows_whoever_writes_in_whatever_way(db: None, seed: int) -> None:
    clients = [ClientFactory().pk, ClientFactory().pk]
    writer = Writer(seed)

    for _ in range(15):
        writer.step()

        users = list(User.objects.all())
        for chosen in choices(*clients):
            there = sum(is_kept(user, chosen) for user in users)
            assert known_total({**NOTHING, **chosen}) == there, chosen


def test_is_that_of_the_rows_after_every_call(as_administrator: APIClient, acme: Client) -> None:
    InvitedFactory(client=acme)
    user = UserFactory(client=acme)
    new = {"name": "N", "email": "n@example.com", "client_id": acme.pk}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "/users", {**new, "password": "brave new horses"}),
        ("post", "/users", {**new, "email": "i@example.com", "invite": True}),
        ("put", f"/users/{user.pk}", {"active": False}),
        ("put", f"/users/{user.pk}", {"active": True, "client_id": None}),
        ("put", f"/clients/{acme.pk}", {"active": False}),
    ]

    for method, path, body in calls:
        assert getattr(as_administrator, method)(path, body).status_code < 300
        for chosen in choices(acme.pk):
            query = {name: value for name, value in chosen.items() if value is not None}
            page = as_administrator.get("/users", query).json()
            assert page["count"] == len(page["results"]), (path, query)
            ids = [user.pk for user in User.objects.all() if is_kept(user, chosen)]
            assert [row["id"] for row in page["results"]] == ids, (path, query)


def test_counts_no_users_where_the_triggers_know(as_administrator: APIClient) -> None:
    for chosen in choices(1):
        query = {name: value for name, value in chosen.items() if value is not None}
        with CaptureQueriesContext(connection) as seen:
            as_administrator.get("/users", query)

        assert not [one for one in seen if "COUNT(" in one["sql"]]


@pytest.mark.parametrize("query", ["search=n", "email=n@example.com", "never_logged_in=true",
                                   "created_after=2020-01-01T00:00:00Z&role=regular"])  # fmt: skip
def test_counts_truly_whatever_the_triggers_do_not_know(
    query: str, as_administrator: APIClient, acme: Client
) -> None:
    UserFactory(name="N", email="n@example.com", client=acme)

    with CaptureQueriesContext(connection) as seen:
        page = as_administrator.get(f"/users?{query}").json()

    assert len([one for one in seen if "COUNT(" in one["sql"]]) == 1
    assert page["count"] == len(page["results"]) > 0


@pytest.mark.parametrize("include", ["", "active,status,created_at,updated_at,last_login_at"])
def test_reads_no_digest_to_list_users(include: str, as_administrator: APIClient) -> None:
    InvitedFactory()
    query = {"include": include} if include else {}

    with CaptureQueriesContext(connection) as seen:
        rows = as_administrator.get("/users", query).json()["results"]

    page = seen.captured_queries[-1]["sql"]
    start = page.partition(" FROM ")[0]
    assert (
        page.count("password_digest") == start.count('("users"."password_digest", 1') == len(query)
    )
    assert [row.get("status") for row in rows] == (["active", "invited"] if include else [None] * 2)
