"""The triggers: rows of the trail are appended, and nothing else, whatever SQL is tried."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from config.audit.models import AuditEvent, AuditLane
from tests.trail import act, alter, events, fill_lane, lane_of, run, verify

pytestmark = pytest.mark.django_db

INSERT = "INTO audit_events SELECT * FROM audit_events WHERE id = %s"
ON_CONFLICT = f"INSERT {INSERT} ON CONFLICT (id) DO UPDATE SET actor = 'x'"
OR_REPLACE = {"sqlite": f"REPLACE {INSERT}", "postgresql": f"INSERT {INSERT}"}
COLUMNS = ", ".join(field.attname for field in AuditEvent._meta.fields)


def is_refused(sql: str, *values: Any) -> bool:
    before = events(), list(AuditLane.objects.order_by("pk").values())
    try:
        run(sql, *values)
    except IntegrityError:
        assert (events(), list(AuditLane.objects.order_by("pk").values())) == before
        return True
    return False


@pytest.mark.parametrize("column", [field.attname for field in AuditEvent._meta.fields])
def test_no_column_of_an_event_is_updated(column: str) -> None:
    row = act()

    assert is_refused(f"UPDATE audit_events SET {column} = {column} WHERE id = %s", row.pk)  # noqa: S608 # ours
    assert is_refused("UPDATE audit_events SET actor = 'x'")


def test_no_event_is_deleted() -> None:
    rows = fill_lane(3)

    for row in rows:
        assert is_refused("DELETE FROM audit_events WHERE id = %s", row.pk)
    assert is_refused("DELETE FROM audit_events")


def test_an_event_is_deleted_that_its_lane_calls_pruned() -> None:
    rows = fill_lane(3)
    alter(lane_of(rows[0]), base_number=2)

    assert is_refused("DELETE FROM audit_events")
    run("DELETE FROM audit_events WHERE number <= 2")

    assert [row["id"] for row in events()] == [rows[2].pk]


def test_no_event_is_replaced() -> None:
    row = act()

    assert is_refused(OR_REPLACE[connection.vendor], row.pk)
    assert is_refused(ON_CONFLICT, row.pk)


@pytest.mark.parametrize("verb", ["INSERT", "REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL"])
@pytest.mark.parametrize(("number", "lane"), [("number", "lane"), ("number + 1", "lane"),
                                              ("0", "lane"), ("number", "99")])  # fmt: skip
def test_no_event_is_slipped_in(verb: str, number: str, lane: str) -> None:
    verb = verb if connection.vendor == "sqlite" else "INSERT"
    row = act()
    columns = COLUMNS.replace("number", number, 1).replace("lane", lane, 1)
    columns = columns.replace("id", "id + 1", 1)

    sql = f"{verb} INTO audit_events ({COLUMNS}) SELECT {columns} FROM audit_events WHERE id = %s"  # noqa: S608 # ours

    assert is_refused(sql, row.pk)


@pytest.mark.parametrize(
    "change", ["length = length - 1", "base_number = base_number - 1", "number = number + 64"]
)
def test_no_lane_grows_shorter_or_is_renumbered(change: str) -> None:
    lane = act().lane

    assert is_refused(f"UPDATE audit_lanes SET {change} WHERE number = %s", lane)  # noqa: S608 # ours


def test_no_lane_is_deleted_or_replaced() -> None:
    lane = act().lane
    replace = "REPLACE" if connection.vendor == "sqlite" else "INSERT"

    assert is_refused("DELETE FROM audit_lanes WHERE number = %s", lane)
    assert is_refused(f"{replace} INTO audit_lanes VALUES (%s, 0, '', 0, '', '')", lane)
    if connection.vendor == "sqlite":
        assert is_refused("UPDATE OR REPLACE audit_lanes SET number = 1 WHERE number = 2")


def test_no_table_is_emptied_at_once() -> None:
    act()
    emptied = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"

    for table in ("audit_events", "audit_lanes"):
        assert is_refused(f"{emptied} {table}")


def test_a_trail_that_is_all_pruned_may_be_truncated() -> None:
    rows = fill_lane(2)
    alter(lane_of(rows[0]), base_number=2)

    run(
        "TRUNCATE audit_events" if connection.vendor == "postgresql" else "DELETE FROM audit_events"
    )

    assert events() == []


@pytest.mark.django_db(transaction=True)
def test_the_trail_outlives_emptying_the_database() -> None:
    row = act()

    call_command("flush", interactive=False, verbosity=0)

    assert [kept["id"] for kept in events()] == [row.pk]
    assert act().pk > row.pk
    assert verify() == []
