"""Pages by number far from both ends of a list: where their users begin is looked up by blocks."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from clients.models import Client
from config.api import pagination
from tests.factories import ClientFactory, InvitedFactory, UserFactory
from tests.users.test_list_counts import NOTHING, choices, is_kept
from users.filters import seek
from users.models import User

BLOCK = 65_536  # ids
FIRST = 50_000 * BLOCK  # none of which the database gives by itself
SIZE = 4


@pytest.fixture
def spread(as_administrator: APIClient) -> Client:
    """Make users of each kind at the borders of blocks, some of which have few or none."""
    acme = ClientFactory()
    for number, place in enumerate([0, 1, 2, 3, 5, 40, BLOCK - 3, BLOCK - 2, BLOCK - 1]):
        for block in (0, 1, 2, 5):
            make = InvitedFactory if number % 3 == 2 else UserFactory
            client = acme if (number + block) % 2 else None
            make(pk=FIRST + block * BLOCK + place, client=client, active=number % 4 != 3)
    User.objects.filter(pk=FIRST + BLOCK + 1).delete()
    return acme


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is far be near, so that few users are enough."""
    monkeypatch.setattr(pagination, "FAR", 0)


def walk(api: APIClient, query: dict[str, Any]) -> tuple[list[int], bool]:
    """Return the ids of all pages, and whether blocks were looked at."""
    ids: list[int] = []
    page: dict[str, Any] = {"next": "/users?" + "&".join(f"{k}={v}" for k, v in query.items())}
    with CaptureQueriesContext(connection) as seen:
        while page["next"]:
            page = api.get(page["next"]).json()
            ids += [row["id"] for row in page["results"]]
    assert page["count"] == len(ids)
    return ids, any("user_blocks" in one["sql"] for one in seen)


@pytest.mark.parametrize("ordering", ["id", "-id"])
def test_are_those_of_the_list_whatever_narrows_it(
    spread: Client, near: None, as_administrator: APIClient, ordering: str
) -> None:
    for chosen in choices():
        query = {name: value for name, value in chosen.items() if value is not None}
        kept = [user.pk for user in User.objects.all() if is_kept(user, chosen)]
        expected = sorted(kept, reverse=ordering == "-id")

        ids, is_sought = walk(as_administrator, {**query, "ordering": ordering, "page_size": SIZE})

        assert ids == expected, query
        assert is_sought == (len(ids) > SIZE), query


@pytest.mark.parametrize(
    "query", ["ordering=name", "ordering=-created_at,id", "client_id={acme}", "search=example"]
)
def test_of_other_lists_are_skipped_to(
    spread: Client, near: None, as_administrator: APIClient, query: str
) -> None:
    path = f"/users?{query.format(acme=spread.pk)}&page_size={SIZE}"
    with CaptureQueriesContext(connection) as seen:
        pages = [as_administrator.get(f"{path}&page={number}").json() for number in (1, 2, 3)]

    assert len({row["id"] for page in pages for row in page["results"]}) == 3 * SIZE
    assert not any("user_blocks" in one["sql"] for one in seen)


@pytest.mark.parametrize("is_descending", [False, True])
def test_nobody_stands_behind_more_than_there_are(spread: Client, is_descending: bool) -> None:
    there = User.objects.count()

    assert seek(NOTHING, there - 1, is_descending=is_descending)
    assert seek(NOTHING, there, is_descending=is_descending) is None


def test_a_page_near_an_end_is_skipped_to(spread: Client, as_administrator: APIClient) -> None:
    ids, is_sought = walk(as_administrator, {"page_size": SIZE})

    assert ids == sorted(User.objects.values_list("pk", flat=True))
    assert not is_sought
