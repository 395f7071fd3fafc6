"""GET /audit-events: who did what, newest first, for administrators."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from config.audit.events import Event
from config.audit.models import AuditEvent
from tests.conftest import Login, codes
from tests.factories import UserFactory
from tests.trail import act, alter
from users.models import User
from users.policies import AUDIT_CALLS

PATH = "/audit-events"
MATRIX = {
    "nobody": 401,
    "administrator": 200,
    "regular": 403,
    "inactive": 401,
}


def listed(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{PATH}?{query}" if query else PATH)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def ids(client: APIClient, query: str) -> list[int]:
    return [event["id"] for event in listed(client, query)]


@pytest.mark.parametrize(("caller", "status"), MATRIX.items())
def test_answers_as_the_matrix_says(
    caller: str, status: int, login: Login, request: pytest.FixtureRequest, db: None
) -> None:
    client = APIClient()
    if caller != "nobody":
        user: User = request.getfixturevalue(caller)
        User.objects.filter(pk=user.pk).update(active=True)
        client = login(user)
        User.objects.filter(pk=user.pk).update(active=user.active)

    answer = client.get(PATH)

    assert answer.status_code == status
    assert ("results" in answer.json()) == (status == 200)
    assert set(AUDIT_CALLS) == {"list"}


def test_shows_exactly_these_keys(as_administrator: APIClient, administrator: User) -> None:
    answer = as_administrator.put(
        f"/users/{administrator.pk}", {"name": "Ada L."}, headers={"X-Request-ID": "r-17"}
    )
    assert answer.status_code == 200

    event = listed(as_administrator)[0]

    assert event == {
        "id": AuditEvent.objects.latest("id").pk,
        "at": event["at"],
        "event": "user_updated",
        "actor": {"id": administrator.pk, "email": "ada@example.com"},
        "target": {"type": "user", "id": administrator.pk, "label": "ada@example.com"},
        "door": "api",
        "address": "127.0.0.1",
        "request_id": "r-17",
        "changes": {"name": ["Ada Lovelace", "Ada L."]},
        "details": {},
    }
    assert event["at"].endswith("Z")
    assert len(event["at"]) == len("2026-01-31T12:00:00.000000Z")


def test_shows_null_for_what_there_was_not(as_administrator: APIClient) -> None:
    act(Event.USERS_SEEDED)

    event = listed(as_administrator)[0]

    nothing = ("actor", "target", "address", "request_id")
    assert [event[key] for key in nothing] == [None] * 4
    assert (event["door"], event["changes"], event["details"]) == ("command", {}, {})


def test_lists_newest_first_in_pages(as_administrator: APIClient) -> None:
    made = [act().pk for _ in range(5)]

    first = as_administrator.get(f"{PATH}?page_size=3").json()
    second = as_administrator.get(first["next"]).json()

    assert [event["id"] for event in first["results"]] == made[:1:-1]
    assert [event["id"] for event in second["results"]][:2] == made[1::-1]
    assert first["count"] == AuditEvent.objects.count()
    assert as_administrator.get(f"{PATH}?page=99").status_code == 404


def test_filters_by_who_did_it_and_on_whom(
    as_administrator: APIClient, administrator: User, regular: User, acme: Client, globex: Client
) -> None:
    options: dict[str, Any] = {"event": Event.USER_UPDATED}
    of_rita = act(actor=administrator, target=regular, **options).pk
    by_rita = act(actor=regular, target=administrator, **options).pk
    of_acme = act(actor=administrator, target=acme, **options).pk
    act(actor=administrator, target=globex, **options)
    client = as_administrator

    assert ids(client, f"target={regular.pk}") == [of_rita]
    assert ids(client, f"actor={regular.pk}") == [by_rita]
    assert ids(client, f"target_client={acme.pk}") == [of_acme]
    assert ids(client, f"actor={administrator.pk}&target={regular.pk}") == [of_rita]
    assert ids(client, f"actor={regular.pk}&target={regular.pk}") == []
    assert ids(client, f"target={2**63 - 1}") == []


@pytest.mark.parametrize("event", Event)
def test_filters_by_event(event: Event, as_administrator: APIClient) -> None:
    pk = act(event).pk

    found = listed(as_administrator, f"event={event}")

    assert found[0]["id"] == pk
    assert {row["event"] for row in found} == {event.value}


def test_since_is_inclusive_and_until_is_exclusive(as_administrator: APIClient) -> None:
    now = timezone.now().replace(microsecond=7)
    moments = [now + timedelta(microseconds=step) for step in (-1, 0, 1)]
    made = [act() for _ in moments]
    for row, at in zip(made, moments, strict=True):
        alter(row, at=at)
    point = now.isoformat().replace("+00:00", "Z")
    later = (now + timedelta(microseconds=1)).isoformat().replace("+", "%2B")
    mine = {row.pk for row in made}

    assert mine & set(ids(as_administrator, f"since={point}")) == {made[1].pk, made[2].pk}
    assert mine & set(ids(as_administrator, f"until={point}")) == {made[0].pk}
    assert ids(as_administrator, f"since={point}&until={later}") == [made[1].pk]


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [("event=log_in", "event", "invalid"), ("event=LOGIN", "event", "invalid"),
     ("event=", "event", "blank"), ("event=login&event=logout", "event", "invalid"),
     ("actor=0", "actor", "invalid"), ("actor=ada@example.com", "actor", "invalid"),
     ("target=9223372036854775808", "target", "invalid"), ("target=+1", "target", "invalid"),
     ("target_client=x", "target_client", "invalid"), ("since=2026-01-31", "since", "invalid"),
     ("until=2026-01-31T12:00:00", "until", "invalid"), ("page_size=0", "page_size", "invalid"),
     ("user=1", "user", "unknown_parameter"), ("ordering=id", "ordering", "unknown_parameter")],
)  # fmt: skip
def test_refuses_what_it_does_not_understand(
    query: str, parameter: str, code: str, as_administrator: APIClient
) -> None:
    assert codes(as_administrator.get(f"{PATH}?{query}")) == {parameter: code}


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 9999])
def test_a_row_that_was_altered_is_still_listed(text: str, as_administrator: APIClient) -> None:
    row = act()
    alter(row, changes=text)

    assert listed(as_administrator)[0]["id"] == row.pk
    assert listed(as_administrator)[0]["changes"] is None


def test_lists_at_the_same_cost_whatever_there_is(as_administrator: APIClient) -> None:
    for _ in range(30):
        act(actor=UserFactory(), target=UserFactory())

    with CaptureQueriesContext(connection) as seen:
        listed(as_administrator)

    assert len(seen) == 3  # who calls, how many, the page


def test_is_refused_before_the_trail_is_looked_at(as_regular: APIClient) -> None:
    with CaptureQueriesContext(connection) as seen:
        answer = as_regular.get(f"{PATH}?event=nothing")

    assert answer.status_code == 403
    assert len(seen) == 1


@pytest.mark.parametrize(
    "query", ["actor=7", "target=7", "target_client=7", "since=2999-01-01T00:00:00Z"]
)
def test_each_filter_has_an_index(query: str, as_administrator: APIClient) -> None:
    with CaptureQueriesContext(connection) as seen:
        listed(as_administrator, query)
    sql = next(q["sql"] for q in seen.captured_queries if "COUNT" in q["sql"])

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # which so small a table would have
            cursor.execute(f"EXPLAIN {sql}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = str(cursor.fetchall())

    assert "audit_events_" in plan
