"""GET /users."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import AdministratorFactory, ClientFactory, UserFactory
from users.models import User

LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["name"] for user in answer.json()["results"]]


def links(answer: Any) -> dict[str, str]:
    """Return `{relation: address}` of the `Link` header."""
    return {relation: url for url, relation in LINK.findall(answer["Link"])}


def test_answers_exactly_the_envelope_and_four_keys(
    as_administrator: APIClient, administrator: User, regular: User
) -> None:
    answer = as_administrator.get("/users")

    assert answer.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": administrator.pk,
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "client": None,
            },
            {
                "id": regular.pk,
                "name": "Rita Regular",
                "email": "rita@example.com",
                "client": {"id": regular.client_id, "name": "Acme"},
            },
        ],
    }
    assert "ETag" not in answer


def test_list_and_single_show_the_same(as_administrator: APIClient, regular: User) -> None:
    query = "?include=active,created_at,updated_at,last_login_at"

    listed = as_administrator.get(f"/users{query}&role=regular").json()["results"]

    assert listed == [as_administrator.get(f"/users/{regular.pk}{query}").json()]
    assert list(listed[0]) == [
        "id", "name", "email", "client", "active", "created_at", "updated_at", "last_login_at"
    ]  # fmt: skip


# Filters


@pytest.fixture
def people(as_administrator: APIClient, acme: Client, globex: Client) -> APIClient:
    """Ada (administrator) and six more; created a day apart from 2026-01-01."""
    User.objects.update(created_at=datetime(2025, 12, 31, tzinfo=UTC))
    rows: list[dict[str, Any]] = [
        {"name": "Bob 100% Brown", "email": "bob@acme.example", "client": acme},
        {"name": "Carol_Clark", "email": "carol@acme.example", "client": acme},
        {"name": "Dan Brown", "email": "dan@globex.example", "client": globex, "active": False},
        {"name": "Élodie Straße", "email": "elodie@globex.example", "client": globex},
        {"name": "Fred O'Brien \\", "email": "fred.b@xn--bcher-kva.example", "client": globex},
        {"name": "Grace", "email": "grace@example.com", "client": None, "active": False},
    ]
    for day, fields in enumerate(rows, start=1):
        user = UserFactory(**fields)
        User.objects.filter(pk=user.pk).update(created_at=datetime(2026, 1, day, tzinfo=UTC))
    return as_administrator


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("active=true", "Ada Bob Carol_Clark Élodie Fred"),
        ("active=false", "Dan Grace"),
        ("role=administrator", "Ada Grace"),
        ("role=regular", "Bob Carol_Clark Dan Élodie Fred"),
        ("role=administrator&active=false", "Grace"),
        ("email=BOB@acme.EXAMPLE", "Bob"),
        ("email=%20bob@acme.example", "Bob"),
        ("email=fred.b@b%C3%BCcher.example", "Fred"),
        ("email=bob", ""),
        ("email=%25", ""),
        ("created_after=2026-01-03T00:00:00Z", "Élodie Fred Grace"),
        ("created_after=2026-01-03T01:00:00%2B01:00", "Élodie Fred Grace"),
        ("created_after=2026-01-02T23:59:59.999999Z", "Dan Élodie Fred Grace"),
        ("created_before=2026-01-02T00:00:00Z", "Ada Bob"),
        ("created_before=2026-01-02T00:00:00.000001Z", "Ada Bob Carol_Clark"),
        ("created_after=2026-01-01t00:00:00z&created_before=2026-01-03t00:00:00z", "Carol_Clark"),
        ("created_after=0001-01-01T00:00:00Z&role=administrator", "Ada Grace"),
        ("created_before=9999-12-31T23:59:59Z&role=administrator", "Ada Grace"),
        ("search=brown", "Bob Dan"),
        ("search=BROWN+dan", "Dan"),
        ("search=brown+acme", "Bob"),
        ("search=brown+acme+dan", ""),
        ("search=%25", "Bob"),
        ("search=_", "Carol_Clark"),
        ("search=o_b", ""),
        ("search=%5C", "Fred"),
        ("search=o'brien", "Fred"),
        ("search='+or+1=1+--", ""),
        ("search=.*", ""),
        ("search=fred.b", "Fred"),
        ("search=%C3%A9lodie", "Élodie"),
        ("search=%C3%89LODIE", "Élodie"),
        ("search=stra%C3%9Fe+%C3%89", "Élodie"),
        ("search=brown&active=true", "Bob"),
    ],
)
def test_keeps_what_every_filter_allows(query: str, found: str, people: APIClient) -> None:
    answer = people.get(f"/users?{query}")

    assert [name.split()[0] for name in names(answer)] == found.split()
    assert answer.json()["count"] == len(found.split())


def test_filters_by_client(people: APIClient, acme: Client) -> None:
    empty = ClientFactory()

    assert len(names(people.get(f"/users?client_id={acme.pk}"))) == 2
    assert names(people.get(f"/users?client_id={acme.pk}&role=administrator")) == []
    assert names(people.get(f"/users?client_id={empty.pk}")) == []
    assert names(people.get(f"/users?client_id={2**63 - 1}")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("last_login_before=2026-01-09T00:00:00Z", "D"),
        ("last_login_before=2026-01-09T00:00:00.000001Z", "A D"),
        ("last_login_before=2026-01-09T01:00:00%2B01:00", "D"),
        ("last_login_before=9999-12-31T23:59:59Z", "A D"),
        ("last_login_after=2026-01-08T00:00:00Z", "A"),
        ("last_login_after=2026-01-07T23:59:59.999999Z", "A D"),
        ("last_login_after=2026-01-08T00:00:00Z&last_login_before=2026-01-09T00:00:00Z", ""),
        ("never_logged_in=true", "B C"),
        ("never_logged_in=false", "A D"),
        ("never_logged_in=true&created_before=2026-01-02T00:00:00Z", "B"),
        ("never_logged_in=true&last_login_before=9999-12-31T23:59:59Z", ""),
        ("last_login_before=9999-12-31T23:59:59Z&ordering=last_login_at", "D A"),
    ],
)
def test_filters_by_last_login(
    query: str, found: str, as_administrator: APIClient, acme: Client
) -> None:
    days = {"A": (2, 9), "B": (1, None), "C": (3, None), "D": (3, 8)}
    for name, (created, login) in days.items():
        user = UserFactory(name=name, client=acme)
        User.objects.filter(pk=user.pk).update(
            created_at=datetime(2026, 1, created, tzinfo=UTC),
            last_login_at=login and datetime(2026, 1, login, tzinfo=UTC),
        )

    answer = as_administrator.get(f"/users?client_id={acme.pk}&{query}")

    assert names(answer) == found.split()


# Order


@pytest.mark.parametrize(
    ("ordering", "found"),
    [
        ("id", "A C B D"),
        ("-id", "D B C A"),
        ("name", "A B C D"),
        ("-name", "D C B A"),
        ("email", "D C B A"),
        ("-email", "A B C D"),
        ("created_at", "B A C D"),  # C and D at the same instant: by id
        ("-created_at", "C D A B"),
        ("last_login_at", "D A C B"),  # C and B never: last both ways, by id
        ("-last_login_at", "A D C B"),
        ("created_at,-id", "B A D C"),
        ("-created_at,-name", "D C A B"),
        ("last_login_at,name", "D A B C"),
    ],
)
def test_orders_by_what_is_asked(
    ordering: str, found: str, as_administrator: APIClient, acme: Client
) -> None:
    days = {"A": (2, 9), "C": (3, None), "B": (1, None), "D": (3, 8)}
    for (name, (created, login)), email in zip(days.items(), ("z", "x", "y", "w"), strict=True):
        user = UserFactory(name=name, email=f"{email}@example.com", client=acme)
        User.objects.filter(pk=user.pk).update(
            created_at=datetime(2026, 1, created, tzinfo=UTC),
            last_login_at=login and datetime(2026, 1, login, tzinfo=UTC),
        )

    answer = as_administrator.get(f"/users?client_id={acme.pk}&ordering={ordering}")

    assert names(answer) == found.split()


@pytest.mark.parametrize(
    "value",
    ["password", "-password", "client", "client__name", "active", "--id", "id,", ",id", "id,-id",
     "%3F", "id;drop", "id%20", "ID", "name%20desc", "1", "-", "sessions__id", "id,id"],
)  # fmt: skip
def test_orders_by_nothing_else(value: str, as_administrator: APIClient) -> None:
    answer = as_administrator.get(f"/users?ordering={value}")

    assert codes(answer) == {"ordering": "invalid"}


# Pages


@pytest.fixture
def twelve(as_administrator: APIClient, acme: Client) -> APIClient:
    UserFactory.create_batch(12, client=acme)
    return as_administrator


@pytest.mark.parametrize(
    ("query", "rows", "following", "previous", "last"),
    [
        ("page_size=5", 5, 2, None, 3),
        ("page_size=5&page=2", 5, 3, 1, 3),
        ("page_size=5&page=3", 2, None, 2, 3),
        ("page_size=12", 12, None, None, 1),
        ("page_size=11", 11, 2, None, 2),
        ("page_size=100", 12, None, None, 1),
        ("page_size=1&page=12", 1, None, 11, 12),
        ("", 12, None, None, 1),
    ],
)
def test_cuts_pages_and_links_them(
    query: str,
    rows: int,
    following: int | None,
    previous: int | None,
    last: int,
    twelve: APIClient,
) -> None:
    answer = twelve.get(f"/users?role=regular&{query}".rstrip("&"))

    size = f"&{query.partition('&')[0]}" if query else ""
    address = f"http://testserver/users?role=regular{size}&page="
    expected = {"first": f"{address}1", "last": f"{address}{last}"}
    expected |= {"prev": f"{address}{previous}"} if previous else {}
    expected |= {"next": f"{address}{following}"} if following else {}
    assert answer.json()["count"] == 12
    assert len(answer.json()["results"]) == rows
    assert links(answer) == expected
    assert answer.json()["next"] == expected.get("next")
    assert answer.json()["previous"] == expected.get("prev")


def test_links_keep_every_other_parameter_and_can_be_followed(people: APIClient) -> None:
    query = "search=%C3%A9%26+e&include=active&ordering=-name&page_size=1&active=true&page=1"
    UserFactory.create_batch(3, name="É& e")

    first = people.get(f"/users?{query}")
    second = people.get(first.json()["next"])

    assert second.status_code == 200
    assert second.json()["previous"] == links(first)["first"]
    assert (
        "search=%C3%A9%26+e&include=active&ordering=-name&page_size=1&active=true&page=2"
        in (first.json()["next"])
    )
    assert set(second.json()["results"][0]) == {"id", "name", "email", "client", "active"}


@pytest.mark.parametrize("ordering", ["id", "-id", "name", "-last_login_at", "last_login_at,-name"])
@pytest.mark.parametrize("query", ["role=regular", "search=example"])
def test_pages_read_from_either_end_make_the_whole(
    ordering: str, query: str, twelve: APIClient
) -> None:
    User.objects.filter(pk__in=list(User.objects.values_list("pk", flat=True)[:7])).update(
        name="N", last_login_at=datetime(2026, 1, 9, tzinfo=UTC)
    )
    path = f"/users?{query}&ordering={ordering}&include=status,last_login_at"
    whole = twelve.get(path).json()["results"]

    pages = [twelve.get(f"{path}&page_size=2&page={page}").json() for page in range(1, 7)]

    assert [row for page in pages for row in page["results"]] == whole[:12]
    assert {page["count"] for page in pages} == {len(whole)}


@pytest.mark.parametrize("query", ["page=3&page_size=7", "page=2", f"page={'9' * 30}", "page=101"])
def test_page_past_the_end_is_not_found(query: str, twelve: APIClient) -> None:
    answer = twelve.get(f"/users?{query}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_first_page_of_nothing_is_there(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users?page=1&role=regular")

    assert answer.json() == {"count": 0, "next": None, "previous": None, "results": []}
    assert set(links(answer)) == {"first", "last"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        *[(f"page={value}", {"page": "invalid"}) for value in
          ["0", "-1", "abc", "1.5", "%00", "1e3", "01", "%2B1", "1%20", "%D9%A1", "%EF%BC%91"]],
        *[(f"page_size={value}", {"page_size": "invalid"}) for value in
          ["0", "-1", "abc", "1e9", "101", "1000000000", "9" * 5000, "%C2%B2"]],
        ("page=", {"page": "blank"}),
        ("page", {"page": "blank"}),
        ("page=1&page=2", {"page": "invalid"}),
        ("page=1&page=1", {"page": "invalid"}),
        *[(f"active={value}", {"active": "invalid"}) for value in
          ["True", "TRUE", "1", "yes", "null", "true%20"]],
        *[(f"role={value}", {"role": "invalid"}) for value in ["admin", "Regular", "null"]],
        *[(f"client_id={value}", {"client_id": "invalid"}) for value in
          ["0", "null", "-1", "a", "1.0", str(2**63), "9" * 5000, "1,2", "01"]],
        *[(f"created_after={value}", {"created_after": "invalid"}) for value in
          ["2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "now", "1767225600",
           "2026-01-01T25:00:00Z", "2026-01-01T00:00:00%2B99:99", "9999-12-31T23:59:59-23:59",
           "2026-01-01T00:00:0099Z", "0000-01-01T00:00:00Z", "%D9%A22026-01-01T00:00:00Z"]],
        ("created_before=0001-01-01T00:00:00%2B23:59", {"created_before": "invalid"}),
        *[(f"last_login_{side}={value}", {f"last_login_{side}": "invalid"})
          for side in ("after", "before") for value in ["2026-01-01", "never", "90"]],
        ("last_login_before=", {"last_login_before": "blank"}),
        *[(f"never_logged_in={value}", {"never_logged_in": "invalid"}) for value in ["1", "True"]],
        ("search=", {"search": "blank"}),
        ("search=%20%20", {"search": "blank"}),
        ("email=%20", {"email": "blank"}),
        ("search=%00", {"search": "invalid"}),
        ("search=a%0Ab", {"search": "invalid"}),
        (f"search={'x' * 256}", {"search": "max_length"}),
        ("include=password", {"include": "invalid"}),
        ("include=active,active", {"include": "invalid"}),
        ("include=active,", {"include": "invalid"}),
        ("include=id", {"include": "invalid"}),
        ("naem=x", {"naem": "unknown_parameter"}),
        ("Search=x", {"Search": "unknown_parameter"}),
        ("=x", {"": "unknown_parameter"}),
        ("format=xml", {"format": "unknown_parameter"}),
        ("password=x", {"password": "unknown_parameter"}),
        ("name__startswith=x", {"name__startswith": "unknown_parameter"}),
        ("x=1&page=0&active=&role=a&role=b&page_size=1e9",
         {"x": "unknown_parameter", "page": "invalid", "active": "blank", "role": "invalid",
          "page_size": "invalid"}),
    ],
)  # fmt: skip
def test_refuses_what_it_does_not_understand(
    query: str, expected: dict[str, str], as_administrator: APIClient
) -> None:
    answer = as_administrator.get(f"/users?{query}")

    assert codes(answer) == expected


def test_names_the_parameters_there_are(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users?actve=true")

    assert answer.json()["code"] == "unknown_parameter"
    assert answer.json()["errors"] == [
        {
            "parameter": "actve",
            "code": "unknown_parameter",
            "detail": "Unknown parameter. Those there are: page, page_size, cursor, ordering, "
            "active, client_id, role, email, status, created_after, created_before, "
            "last_login_after, last_login_before, never_logged_in, search, include.",
        }
    ]


def test_page_sizes_are_settings(twelve: APIClient, settings: LazySettings) -> None:
    settings.PAGE_SIZE, settings.MAX_PAGE_SIZE = 4, 6

    assert len(names(twelve.get("/users"))) == 4
    assert len(names(twelve.get("/users?page_size=6"))) == 6
    assert codes(twelve.get("/users?page_size=7")) == {"page_size": "invalid"}


def test_walking_pages_while_rows_are_added_misses_nobody(twelve: APIClient, acme: Client) -> None:
    old = set(User.objects.values_list("pk", flat=True))
    seen: list[int] = []
    url: str | None = "/users?page_size=4"
    for _ in range(20):
        answer = twelve.get(str(url))
        seen += [user["id"] for user in answer.json()["results"]]
        url = answer.json()["next"]
        if url is None:
            break
        if len(seen) < 12:
            UserFactory(client=acme)

    assert url is None
    assert len(seen) == len(set(seen))
    assert old <= set(seen)
    assert seen == sorted(seen)


# Addresses


@pytest.mark.parametrize("path", ["/users", "/users/", "/clients"])
def test_links_use_the_public_address(
    path: str, as_administrator: APIClient, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://accounts.example.com:8443"
    UserFactory.create_batch(2)

    answer = as_administrator.get(f"{path}?page_size=1", HTTP_HOST="localhost")

    assert answer.json()["next"].startswith(f"https://accounts.example.com:8443{path}?")
    assert set(links(answer)) == {"first", "last", "next"}
    assert all(
        url.startswith("https://accounts.example.com:8443/") for url in links(answer).values()
    )


def test_forged_host_is_refused(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users", HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-Host"]
)
def test_forged_forwarded_host_is_not_reflected(header: str, as_administrator: APIClient) -> None:
    UserFactory.create_batch(2)
    value = "host=evil.example" if header == "Forwarded" else "evil.example"

    answer = as_administrator.get("/users?page_size=1", headers={header: value})

    assert "evil" not in answer.content.decode() + str(answer.headers)


def test_last_login_is_shown_when_asked_for(as_administrator: APIClient) -> None:
    with time_machine.travel(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), tick=False):
        moment = datetime.now(UTC)
        never = AdministratorFactory()
        User.objects.exclude(pk=never.pk).update(last_login_at=moment - timedelta(seconds=1))
    query = "?include=last_login_at,created_at&ordering=id"

    first, second = as_administrator.get(f"/users{query}").json()["results"]

    assert first["last_login_at"] == "2030-01-02T03:04:04.000000Z"
    assert second["last_login_at"] is None
    assert second["created_at"] == "2030-01-02T03:04:05.000000Z"


def test_page_from_the_end_is_right_though_users_come_between_its_queries(
    as_administrator: APIClient,
) -> None:
    UserFactory.create_batch(20)
    page = "/users?page=5&page_size=4"
    expected = as_administrator.get(page).json()["results"]
    made: list[bool] = []

    def make_one_more(execute: Any, sql: str, *rest: Any) -> Any:
        """Let another request make a user just before the ids of the page are read."""
        if "OFFSET" in sql and not made:
            made.append(True)
            UserFactory()
        return execute(sql, *rest)

    with connection.execute_wrapper(make_one_more):
        answer = as_administrator.get(page)

    assert made
    assert answer.json()["results"] == expected
