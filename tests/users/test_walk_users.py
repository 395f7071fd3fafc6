"""GET /users?cursor=: a walk through all of them, page by page."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings, strategies as st
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import DIGEST, ClientFactory
from users.models import User

NAMES = ("id", "name", "email", "created_at", "last_login_at")
SINGLE = [sign + name for name in NAMES for sign in ("", "-")]
PAIRS = [
    f"{one},{other}" for one, other in permutations(["-name", "created_at", "-last_login_at"], 2)
]
ORDERINGS = ["", *SINGLE, *PAIRS, "last_login_at,-created_at,name,-id"]
START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = [START + timedelta(days=day) for day in (1, 2)]
NUMBER = count(1)


def make(number: int, client: Client | None = None) -> list[User]:
    """Make users with many ties in each column that can have them, a third never logged in."""
    chance = random.Random(number)  # noqa: S311 # a test's
    users = [
        User(name=f"N {chance.randint(0, 9)}", email=f"w{next(NUMBER)}@example.com",
             password=DIGEST, client=client, active=chance.random() < 0.8,
             last_login_at=chance.choice([None, START, *LATER]))
        for _ in range(number)
    ]  # fmt: skip
    made: list[User] = User.objects.bulk_create(users)
    for user in made:
        user.created_at = START + timedelta(microseconds=chance.randint(0, 9))
    User.objects.bulk_update(made, ["created_at"], batch_size=500)
    return made


def path(ordering: str = "", page_size: int = 100) -> str:
    asked = f"&ordering={ordering}" if ordering else ""
    return f"/users?cursor=&page_size={page_size}{asked}"


def walk(api: APIClient, url: str | None, way: str = "next") -> list[dict[str, Any]]:
    """Return the pages from this address on."""
    pages = []
    while url:
        answer = api.get(url)
        assert answer.status_code == 200, answer.content
        pages.append(answer.json() | {"url": url})
        url = pages[-1][way]
    return pages


def rows(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for page in pages for row in page["results"]]


def cursor_in(url: str) -> str:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)["cursor"][0]


def text_of(parts: Any) -> str:
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


# What it answers


def test_answers_exactly_these_keys(as_administrator: APIClient, administrator: User) -> None:
    answer = as_administrator.get("/users?cursor=")

    client = {"id": administrator.pk, "name": "Ada Lovelace", "email": "ada@example.com"}
    expected = {"next": None, "previous": None, "results": [{**client, "client": None}]}
    assert answer.json() == expected
    assert answer["Link"] == '<http://testserver/users?cursor=>; rel="first"'


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_has_the_rows_of_the_pages_in_their_order(
    ordering: str, as_administrator: APIClient
) -> None:
    make(60)
    asked = f"&ordering={ordering}" if ordering else ""
    whole = as_administrator.get(f"/users?page_size=100{asked}").json()["results"]

    pages = walk(as_administrator, path(ordering, page_size=7))

    assert rows(pages) == whole
    assert [len(page["results"]) for page in pages] == [7] * 8 + [5]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_goes_back_by_the_same_pages(ordering: str, as_administrator: APIClient) -> None:
    make(40)
    pages = walk(as_administrator, path(page_size=7, ordering=ordering))

    back = walk(as_administrator, pages[-1]["url"], "previous")

    assert [page["results"] for page in back] == [page["results"] for page in pages[::-1]]
    assert rows(walk(as_administrator, back[-1]["url"])) == rows(pages)


@pytest.mark.parametrize(
    "query",
    ["active=false", "role=regular", "status=active", "search=n+1", "never_logged_in=true",
     "created_after=2026-01-01T00:00:00Z"],
)  # fmt: skip
def test_walks_through_what_the_filters_keep(
    query: str, as_administrator: APIClient, acme: Client
) -> None:
    make(20), make(20, acme)
    whole = as_administrator.get(f"/users?page_size=100&{query}").json()["results"]

    pages = walk(as_administrator, f"/users?cursor=&page_size=3&{query}")

    assert rows(pages) == whole
    assert 3 < len(whole) < 41


def test_links_keep_every_other_parameter(as_administrator: APIClient, acme: Client) -> None:
    make(5, acme)
    query = f"client_id={acme.pk}&include=created_at&ordering=-name&page_size=2&active=true"
    User.objects.update(active=True)

    middle = as_administrator.get(as_administrator.get(f"/users?{query}&cursor=").json()["next"])

    following, previous = middle.json()["next"], middle.json()["previous"]
    first = f"http://testserver/users?{query}&cursor="
    assert following.startswith(first)
    assert previous.startswith(first)
    assert middle["Link"] == (
        f'<{first}>; rel="first", <{previous}>; rel="prev", <{following}>; rel="next"'
    )
    assert set(middle.json()["results"][0]) == {"id", "name", "email", "client", "created_at"}


def test_page_sizes_are_settings(as_administrator: APIClient, settings: LazySettings) -> None:
    make(20)
    settings.PAGE_SIZE = 4

    assert len(as_administrator.get("/users?cursor=").json()["results"]) == 4
    assert len(as_administrator.get("/users?cursor=&page_size=6").json()["results"]) == 6


def test_walks_through_clients_too(as_administrator: APIClient) -> None:
    names = sorted(ClientFactory().name for _ in range(7))
    url = "/clients?cursor=&ordering=-name&page_size=3&include=users_count"

    pages = walk(as_administrator, url)

    assert [row["name"] for row in rows(pages)] == names[::-1]
    assert rows(walk(as_administrator, pages[-1]["url"], "previous")[::-1]) == rows(pages)


# What changes meanwhile


@pytest.mark.parametrize("ordering", ["", "-id", "name", "-created_at", "last_login_at",
                                      "-last_login_at", "-email"])  # fmt: skip
def test_has_every_untouched_row_once_while_others_come_and_go(
    ordering: str, as_administrator: APIClient
) -> None:
    made = make(2000)
    chance = random.Random(ordering)  # noqa: S311 # a test's
    doomed = chance.sample([user.pk for user in made], 400)
    untouched = set(User.objects.values_list("pk", flat=True)) - set(doomed)
    seen: list[int] = []
    url: str | None = path(page_size=100, ordering=ordering)

    while url:
        page = as_administrator.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
        User.objects.filter(pk__in=[doomed.pop() for _ in doomed[:15]]).delete()
        make(5)

    assert len(seen) == len(set(seen))
    assert untouched <= set(seen)


def test_goes_on_where_the_row_of_the_cursor_is_gone(as_administrator: APIClient) -> None:
    made = make(9)
    first = as_administrator.get("/users?cursor=&page_size=5").json()
    User.objects.filter(pk=first["results"][-1]["id"]).delete()

    second = as_administrator.get(first["next"]).json()

    assert [row["id"] for row in second["results"]] == [user.pk for user in made[4:]]


def test_goes_back_from_the_end_that_was_removed(as_administrator: APIClient) -> None:
    made = make(9)
    url = as_administrator.get("/users?cursor=&page_size=5").json()["next"]
    User.objects.filter(pk__gte=made[4].pk).delete()

    end = as_administrator.get(url).json()
    last = as_administrator.get(end["previous"]).json()

    assert (end["results"], end["next"]) == ([], None)
    assert len(last["results"]) == 5
    assert (last["next"], last["previous"]) == (None, None)


def test_goes_on_from_the_start_that_was_removed(as_administrator: APIClient, acme: Client) -> None:
    made = make(9, acme)
    first = f"/users?cursor=&page_size=5&client_id={acme.pk}"
    second = as_administrator.get(as_administrator.get(first).json()["next"]).json()
    User.objects.filter(pk__lte=made[4].pk, client=acme).delete()

    start = as_administrator.get(second["previous"]).json()

    assert (start["results"], start["previous"]) == ([], None)
    assert cursor_in(start["next"]) == ""


# What it costs


@pytest.mark.parametrize(
    ("ordering", "ranges"),
    [("id", 1), ("-name", 2), ("email", 1), ("-created_at", 2), ("last_login_at", 3)],
)
def test_counts_nothing_and_asks_no_more_at_any_depth(
    ordering: str, ranges: int, as_administrator: APIClient
) -> None:
    make(300)
    url: str | None = path(page_size=10, ordering=ordering)

    while url:
        with CaptureQueriesContext(connection) as seen:
            url = as_administrator.get(url).json()["next"]
        assert len(seen) <= 1 + ranges  # who asks, and those that come after
        assert not [one for one in seen if "COUNT(" in one["sql"] or "OFFSET" in one["sql"]]


# What it refuses


@pytest.mark.parametrize(
    "cursor",
    ["x", "-", "%00", "%F0%9F%92%A9", "a" * 5000, "next", "WyJpZCIsZmFsc2UsWzFdXQ=", "W10", "e30",
     "bnVsbA", "MQ", "2",
     *map(text_of, [
        ["id", False], ["id", 0, [1]], ["id", False, [1], 1], ["id", False, 1], [1, False, [1]],
        ["id", False, ["1"]], ["id", False, [1.0]], ["id", False, [True]], ["id", False, [None]],
        ["id", False, [2**63]], ["id", False, [-(2**63) - 1]], ["id", False, [1, 2]],
        ["id", False, [[1]]],
        ["id", False, {"id": 1}], {"order": "id"}, "id", ["", False, []], ["", True, []],
        ["password", False, ["!"]], ["name", False, ["N"]], ["-id", False, [1]],
        ["id,name", False, [1, "N"]], [["id"], False, [1]],
     ])],
)  # fmt: skip
def test_refuses_what_is_no_cursor_of_the_list(cursor: str, as_administrator: APIClient) -> None:
    answer = as_administrator.get(f"/users?cursor={cursor}")

    assert codes(answer) == {"cursor": "invalid"}


@pytest.mark.parametrize(
    ("ordering", "values"),
    [
        ("name", ["N", "1"]), ("name", [None, 1]), ("name", [1, 1]), ("name", ["\0", 1]),
        ("name", ["\ud800", 1]), ("name", ["N"]), ("created_at", [None, 1]),
        ("created_at", ["2026-01-01", 1]), ("created_at", ["2026-01-01T00:00:00", 1]),
        ("created_at", ["0001-01-01T00:00:00+23:59", 1]), ("created_at", [1767225600, 1]),
        ("last_login_at", ["", 1]), ("last_login_at", ["never", 1]), ("last_login_at", [False, 1]),
    ],
)  # fmt: skip
def test_refuses_values_that_the_column_cannot_have(
    ordering: str, values: list[Any], as_administrator: APIClient
) -> None:
    cursor = text_of([f"{ordering},id", False, values])

    answer = as_administrator.get(f"/users?ordering={ordering}&cursor={cursor}")

    assert codes(answer) == {"cursor": "invalid"}


@pytest.mark.parametrize(("ordering", "other"), [("", "-id"), ("name", "-name"), ("name", ""),
                                                 ("created_at", "last_login_at")])  # fmt: skip
def test_refuses_the_cursor_of_another_ordering(
    ordering: str, other: str, as_administrator: APIClient
) -> None:
    make(5)
    url = as_administrator.get(path(page_size=2, ordering=ordering)).json()["next"]

    query = {"ordering": other} if other else {}
    answer = as_administrator.get("/users", {**query, "cursor": cursor_in(url)})

    assert codes(answer) == {"cursor": "invalid"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cursor=&page=1", {"cursor": "invalid"}),
        ("cursor=x&page=1", {"cursor": "invalid"}),
        ("cursor=&cursor=", {"cursor": "invalid"}),
        ("cursor=&page_size=0", {"page_size": "invalid"}),
        ("cursor=x&page=0&ordering=x",
         {"cursor": "invalid", "page": "invalid", "ordering": "invalid"}),
        ("Cursor=", {"Cursor": "unknown_parameter"}),
    ],
)  # fmt: skip
def test_refuses_what_goes_with_no_cursor(
    query: str, expected: dict[str, str], as_administrator: APIClient
) -> None:
    assert codes(as_administrator.get(f"/users?{query}")) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
)
ORDER = st.sampled_from(["id", "name,id", "-created_at,id", "last_login_at,id"])
CURSORS = (
    st.text()
    | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    | JSON.map(text_of)
    | st.tuples(ORDER, st.booleans(), st.lists(JSON, max_size=3)).map(text_of)
    | st.tuples(ORDER, st.booleans(), st.tuples(JSON, st.integers())).map(text_of)
    | st.just(text_of(["id", False, []])).map(lambda text: "[" * 2000 + text)
    | st.just(base64.urlsafe_b64encode(b"[" * 3000).decode())
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(cursor=CURSORS, ordering=st.sampled_from(["id", "name", "-created_at", "last_login_at"]))
def test_answers_or_refuses_whatever_is_sent(
    cursor: str, ordering: str, as_administrator: APIClient
) -> None:
    answer = as_administrator.get("/users", {"cursor": cursor, "ordering": ordering})

    if answer.status_code != 200:
        assert codes(answer) == {"cursor": "invalid"}
