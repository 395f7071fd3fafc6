"""What each endpoint asks the database, and why."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, ClientFactory, UserFactory
from users.models import Session, User

# `verb tables`: SELECT counts where it says so, LOCK holds rows; BEGIN and COMMIT are left out.
AUTHENTICATION = "SELECT sessions users clients"  # session, user and client in one
FIND = "SELECT users clients"  # the row to answer, with its client
EMAIL_FREE = "SELECT users"
CLIENT_EXISTS = "SELECT clients"
NOTICE = "INSERT mails"
COUNTS = "SELECT user_counts"  # how many users there are, without counting them
LINKS = "SELECT users mails"  # can they have one that lives
LOCK = "LOCK users clients"  # the row again, held, its client read beside it
# Each act in the audit trail: a lane that is free, how long it is now, the event.
TRAIL = ["LOCK audit_events audit_lanes", "UPDATE audit_lanes", "INSERT audit_events"]

USERS: list[tuple[str, str, Any, list[str]]] = [
    ("get", "/users/current", None, [AUTHENTICATION]),
    ("get", "/users/{regular}", None, [AUTHENTICATION, FIND]),
    ("get", "/users/{missing}", None, [AUTHENTICATION, FIND]),
    ("get", "/users", None, [AUTHENTICATION, COUNTS, FIND]),  # how many; the page
    ("get", "/users?client_id=1&role=regular&active=true&status=active", None,
     [AUTHENTICATION, COUNTS, FIND]),
    ("get", "/users?cursor=", None, [AUTHENTICATION, FIND]),
    ("get", "/users?cursor=&ordering=-last_login_at", None, [AUTHENTICATION, FIND]),
    ("get", "/users?cursor=x", None, [AUTHENTICATION]),
    ("get", "/users?email=rita@example.com", None, [AUTHENTICATION, "SELECT users", FIND]),
    ("get", "/users?search=a&client_id=1", None, [AUTHENTICATION, "SELECT users", FIND]),
    ("get", "/users?page=0", None, [AUTHENTICATION]),
    ("put", "/users/{regular}", {}, [AUTHENTICATION, FIND, LOCK]),
    ("put", "/users/{regular}", {"name": "N"},
     [AUTHENTICATION, FIND, LOCK, "UPDATE users", *TRAIL]),
    ("put", "/users/{regular}", {"email": "n@example.com"},  # both addresses are told
     [AUTHENTICATION, FIND, EMAIL_FREE, LOCK, LINKS, "UPDATE users", NOTICE, NOTICE, *TRAIL]),
    ("put", "/users/{regular}", {"client_id": "{globex}"},
     [AUTHENTICATION, FIND, CLIENT_EXISTS, LOCK, LINKS, "UPDATE users", *TRAIL]),
    ("put", "/users/{regular}", {"name": 5}, [AUTHENTICATION, FIND]),
    ("put", "/users/{regular}", {"password": "an entirely new sentence"},
     [AUTHENTICATION, FIND, LOCK, "UPDATE users", "DELETE sessions users", NOTICE, *TRAIL]),
    ("put", "/users/{regular}", {"active": False},
     [AUTHENTICATION, FIND, LOCK, LINKS, "UPDATE users", "DELETE sessions users",
      "SELECT users", *TRAIL]),  # some administrator is left
    ("put", "/users/{other}", {"active": False},
     [AUTHENTICATION, FIND, "LOCK users", LOCK, LINKS, "UPDATE users", "DELETE sessions users",
      "SELECT users", *TRAIL]),  # all administrators are held first
    ("post", "/users",
     {"name": "N", "email": "n@example.com", "client_id": None, "password": "brave new horses"},
     [AUTHENTICATION, EMAIL_FREE, "INSERT users", *TRAIL]),
    ("post", "/users",
     {"name": "N", "email": "n@example.com", "client_id": None, "invite": True},
     [AUTHENTICATION, EMAIL_FREE, "INSERT users", *TRAIL, "UPDATE mails", "INSERT mails",
      *TRAIL]),
    ("post", "/users/{regular}/invitation", None, [AUTHENTICATION, FIND, LOCK]),  # has a password
    ("post", "/users",
     {"name": "N", "email": "n@example.com", "client_id": "{globex}",
      "password": "brave new horses"},
     [AUTHENTICATION, EMAIL_FREE, CLIENT_EXISTS, "INSERT users", *TRAIL]),
    ("get", "/auth/sessions", None,
     [AUTHENTICATION, "SELECT sessions", "SELECT sessions"]),  # how many; the page
    ("get", "/auth/sessions?page=0", None, [AUTHENTICATION]),
    ("delete", "/auth/sessions", None, [AUTHENTICATION, "LOCK sessions users"]),  # no other
    ("delete", "/auth/sessions", {"all": True}, [AUTHENTICATION]),
    ("delete", "/auth/sessions/{session}", None,
     [AUTHENTICATION, "SELECT sessions", "DELETE sessions", *TRAIL]),  # is it theirs and live
    ("delete", "/auth/sessions/{foreign}", None, [AUTHENTICATION, "SELECT sessions"]),
    ("delete", "/auth/sessions/{missing}", None, [AUTHENTICATION, "SELECT sessions"]),
    ("get", "/users/{regular}/sessions", None,  # is there such a user; how many; the page
     [AUTHENTICATION, "SELECT users", "SELECT sessions", "SELECT sessions"]),
    ("get", "/users/{missing}/sessions", None, [AUTHENTICATION, "SELECT users"]),
    ("delete", "/users/{regular}/sessions", None,
     [AUTHENTICATION, "SELECT users", "LOCK sessions users", "DELETE sessions", *TRAIL]),
    ("delete", "/users/{missing}/sessions", None, [AUTHENTICATION, "SELECT users"]),
    ("delete", "/users", None, []),
    ("get", "/users/01", None, []),
    ("get", "/clients", None, [AUTHENTICATION, "SELECT clients", "SELECT clients"]),
    ("get", "/clients?include=users_count", None,
     [AUTHENTICATION, "SELECT clients", "SELECT users clients"]),  # counted in the page's query
    ("get", "/clients/{globex}", None, [AUTHENTICATION, "SELECT clients"]),
    ("put", "/clients/{globex}", {"name": "N"},  # is the name free; the row, held; is it still
     [AUTHENTICATION, "SELECT clients", "SELECT clients", "LOCK clients", "SELECT clients",
      "UPDATE clients", *TRAIL]),
    ("put", "/clients/{globex}", {"active": False},
     [AUTHENTICATION, "SELECT clients", "LOCK clients", "UPDATE clients",
      "DELETE sessions users", LINKS, *TRAIL]),
    ("post", "/clients", {"name": "N"},  # is the name free, and is it still under the lock
     [AUTHENTICATION, "SELECT clients", "SELECT clients", "INSERT clients", *TRAIL]),
    ("get", "/livez", None, []),
    ("get", "/", None, []),
]  # fmt: skip


def purposes(queries: list[dict[str, str]]) -> list[str]:
    """Return each query as its verb and the tables in it, in the order of their appearance."""
    found = []
    for query in queries:
        sql = query["sql"]
        verb = sql.split()[0]
        if verb not in ("SELECT", "INSERT", "UPDATE", "DELETE") or "pg_advisory" in sql:
            continue
        tables = dict.fromkeys(re.findall(r'(?:FROM|JOIN|INTO|UPDATE) "(\w+)"', sql))
        found.append(" ".join(["LOCK" if "FOR " in sql[-60:] else verb, *tables]))
    return found


def fill(value: Any, ids: dict[str, int]) -> Any:
    if isinstance(value, dict):
        return {key: fill(inner, ids) for key, inner in value.items()}
    return ids["globex"] if value == "{globex}" else value


@pytest.mark.parametrize(("method", "path", "body", "expected"), USERS)
def test_asks_the_database_no_more_than_this(
    method: str,
    path: str,
    body: Any,
    expected: list[str],
    as_administrator: APIClient,
    regular: User,
    globex: Client,
    login: Login,
) -> None:
    other = AdministratorFactory()
    ids = {"regular": regular.pk, "globex": globex.pk, "other": other.pk, "missing": 2**62}
    ids["session"] = Session.objects.get().pk
    login(regular)
    ids["foreign"] = Session.objects.get(user=regular).pk

    with CaptureQueriesContext(connection) as seen:
        answer = getattr(as_administrator, method)(path.format(**ids), fill(body, ids))

    assert answer.status_code < 500
    if not connection.features.has_select_for_update:  # SQLite locks the whole file instead
        expected = [purpose.replace("LOCK", "SELECT") for purpose in expected]
    assert purposes(seen.captured_queries) == expected


@pytest.mark.parametrize(
    "path",
    ["/users?page_size=100", "/users?page_size=100&include=status,last_login_at&search=e",
     "/clients?page_size=100", "/clients?page_size=100&include=users_count,active"],
)  # fmt: skip
def test_lists_ask_as_much_for_one_row_as_for_a_hundred(
    path: str, as_administrator: APIClient
) -> None:
    ClientFactory()
    with CaptureQueriesContext(connection) as few:
        as_administrator.get(path)
    UserFactory.create_batch(100)

    with CaptureQueriesContext(connection) as many:
        answer = as_administrator.get(path)

    assert len(answer.json()["results"]) == 100
    assert purposes(many.captured_queries) == purposes(few.captured_queries)


@pytest.mark.parametrize("path", ["/auth/sessions", "/users/{own}/sessions"])
def test_lists_of_sessions_ask_as_much_for_one_row_as_for_a_hundred(
    path: str, as_administrator: APIClient, administrator: User
) -> None:
    target = f"{path}?page_size=100".format(own=administrator.pk)
    with CaptureQueriesContext(connection) as few:
        as_administrator.get(target)
    now = timezone.now()
    one = {"user": administrator, "refreshed_at": now, "expires_at": now + timedelta(hours=1)}
    Session.objects.bulk_create(Session(**one) for _ in range(100))

    with CaptureQueriesContext(connection) as many:
        answer = as_administrator.get(target)

    assert len(answer.json()["results"]) == 100
    assert purposes(many.captured_queries) == purposes(few.captured_queries)


@pytest.mark.parametrize("method", ["get", "delete"])
def test_sessions_of_a_user_are_refused_before_any_look_up(
    method: str, as_regular: APIClient, regular: User, stranger: User
) -> None:
    for user_id in (regular.pk, stranger.pk, 2**62):
        with CaptureQueriesContext(connection) as seen:
            answer = getattr(as_regular, method)(f"/users/{user_id}/sessions")

        assert answer.status_code == 403
        assert purposes(seen.captured_queries) == [AUTHENTICATION]


@pytest.mark.parametrize("method", ["get", "put", "patch"])
def test_forbidden_rows_are_not_looked_up(
    method: str, as_regular: APIClient, stranger: User
) -> None:
    for path in (f"/users/{stranger.pk}", f"/users/{2**62}", f"/clients/{stranger.client_id}"):
        with CaptureQueriesContext(connection) as seen:
            answer = getattr(as_regular, method)(path, {"name": "x"} if method != "get" else None)

        assert answer.status_code == 403
        assert purposes(seen.captured_queries) == [AUTHENTICATION]


def test_wrong_current_password_costs_the_counters_and_the_trail_alone(
    as_regular: APIClient, regular: User
) -> None:
    body = {"password": "an entirely new sentence", "current_password": "wrong"}
    with CaptureQueriesContext(connection) as wrong:
        as_regular.put(f"/users/{regular.pk}", body)
    with CaptureQueriesContext(connection) as right:
        as_regular.put(f"/users/{regular.pk}", {**body, "current_password": PASSWORD})

    hold = "LOCK" if connection.features.has_select_for_update else "SELECT"
    counters = [
        f"{verb} throttling_counters"
        for verb in ("SELECT", "INSERT", hold, "UPDATE", hold, "UPDATE")
    ]
    trail = [f"{hold} audit_events audit_lanes", *TRAIL[1:]]
    assert purposes(wrong.captured_queries) == [AUTHENTICATION, FIND, *counters, *trail]
    assert purposes(right.captured_queries) == [
        AUTHENTICATION,
        FIND,
        *counters,
        "INSERT throttling_counters",  # the address is known from now on
        LOCK if connection.features.has_select_for_update else LOCK.replace("LOCK", "SELECT"),
        "UPDATE users",
        "DELETE sessions users",
        NOTICE,
        *trail,
    ]
