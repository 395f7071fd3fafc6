"""What SQL can put where it never should be: verify_audit names it and Roster goes on."""

import re
from typing import Any

import pytest
from django.db import connection, transaction

from config.audit.events import Event
from config.audit.guards import POSTGRESQL, SQLITE
from config.audit.lanes import LANES
from config.audit.models import AuditEvent, AuditLane
from config.audit.trail import record
from tests.factories import UserFactory
from tests.trail import (
    act,
    alter,
    empty,
    fill_lane,
    only_lane,
    put,
    remove,
    run,
    verify,
    without_triggers,
)

IS_SQLITE = connection.vendor == "sqlite"
pytestmark = pytest.mark.django_db

# Columns of an event, and what SQL may write there that no event of Roster's has.
ODD_COLUMNS = (
    {"number": "2000.5", "at": "'yesterday'", "changes": "x'00'", "details": "CAST(x'ff' AS TEXT)",
     "event": "x'6c6f67696e'", "at ": "replace(at, ' ', 'T')", "mac": "x'00'"}
    if IS_SQLITE
    else {"at": "'infinity'", "at ": "'4713-01-01 BC'", "details": "''", "lane": "0"}
)  # fmt: skip


def set_all(table: str, column: str, expression: str, row_id: int | None = None) -> None:
    """Write an expression of SQL into a column of one row, or of all."""
    where = "" if row_id is None else f" WHERE id = {row_id}"
    run(f"UPDATE {table} SET {column} = {expression}{where}")  # noqa: S608 # our own words


@pytest.mark.parametrize("column", ODD_COLUMNS)
def test_an_odd_value_is_named_and_hides_no_other_row(column: str) -> None:
    odd, later = act(), act()
    with without_triggers():
        set_all("audit_events", column, ODD_COLUMNS[column], odd.pk)
    alter(later, actor="somebody else")

    faults = verify()

    for row in (odd, later):
        assert any(re.search(rf"id {row.pk}\b", fault) for fault in faults)


def test_a_row_past_an_odd_one_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.audit.verification.CHUNK", 3)
    rows = fill_lane(9)
    with without_triggers():
        odd = "x'00'" if IS_SQLITE else "'infinity'"
        set_all("audit_events", "actor" if IS_SQLITE else "at", odd, rows[2].pk)
    alter(rows[7], actor="somebody else")

    faults = verify()

    assert len(faults) == 2
    assert f"id {rows[2].pk} " in faults[0]
    assert f"id {rows[7].pk} " in faults[1]


LANE_COLUMNS = (
    {"head": "x'00'", "length": "x'00'", "base_mac": "x'00'", "seal": "CAST(x'ff' AS TEXT)",
     "head ": "CAST(x'ff' AS TEXT)"}
    if IS_SQLITE
    else {"head": "'x'", "seal": "''", "base_mac": "'x'"}
)  # fmt: skip


@pytest.mark.parametrize("column", LANE_COLUMNS)
def test_odd_lanes_are_named_and_stop_nobody(column: str) -> None:
    with without_triggers():
        set_all("audit_lanes", column, LANE_COLUMNS[column])

    act()

    faults = verify()
    assert len(faults) == LANES
    assert all(": its row in audit_lanes was altered" in fault for fault in faults)
    assert AuditEvent.objects.filter(lane__gt=LANES).count() == 1


def test_a_lane_put_back_to_an_older_state_stops_nobody() -> None:
    first, _ = fill_lane(2)
    old = AuditLane.objects.get(pk=first.lane)
    with transaction.atomic(), only_lane(first.lane):
        record(Event.LOGIN, actor=None)
    alter(old, **{name: getattr(old, name) for name in ("length", "head", "seal")})

    for _ in range(2 * LANES):
        act()

    assert AuditEvent.objects.filter(lane=first.lane).count() == 3
    assert any("is past the end of its lane" in fault for fault in verify())


def test_a_row_of_no_lane_is_named_whatever_its_id() -> None:
    copied = act()
    with without_triggers():
        if IS_SQLITE:
            run("PRAGMA ignore_check_constraints = ON")
        else:
            run("ALTER TABLE audit_events DROP CONSTRAINT audit_events_id_positive")
    slipped = put(copied, id=-7, lane=999)
    if IS_SQLITE:
        run("PRAGMA ignore_check_constraints = OFF")

    assert verify() == [f"audit event id {slipped.pk}: slipped in, there is no such lane"]


def test_a_row_of_a_fraction_of_a_lane_is_named() -> None:
    copied = act()
    lane = "1.5" if IS_SQLITE else "999"
    columns = ", ".join(str(field.column) for field in AuditEvent._meta.fields[2:])
    copy = f"SELECT 10000, {lane}, {columns} FROM audit_events WHERE id = {copied.pk}"  # noqa: S608 # so too
    with without_triggers():
        run(f"INSERT INTO audit_events (id, lane, {columns}) {copy}")

    assert verify() == ["audit event id 10000: slipped in, there is no such lane"]


@pytest.mark.parametrize("name", SQLITE if IS_SQLITE else POSTGRESQL)
def test_a_trigger_that_is_gone_is_named(name: str) -> None:
    table = name.rpartition("_")[0]
    if IS_SQLITE:
        run(f"DROP TRIGGER {name}")
    else:
        run(f"ALTER TABLE {table} DISABLE TRIGGER {name}")

    assert verify() == [f"trigger {name}: gone, switched off or altered"]


def test_a_trigger_that_was_made_harmless_is_named() -> None:
    if IS_SQLITE:
        run("DROP TRIGGER audit_events_update")
        run("CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events BEGIN SELECT 1; END")
    else:
        run(
            "CREATE OR REPLACE FUNCTION audit_lanes_guard() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NEW; END $$"
        )

    faults = verify()

    assert faults
    assert all(fault.endswith(": gone, switched off or altered") for fault in faults)


def test_a_trail_that_is_gone_as_a_whole_is_named() -> None:
    act()
    UserFactory()
    empty()

    (fault,) = verify()

    assert fault.startswith("all of audit_lanes was removed")


def test_a_removed_row_beside_a_moved_base_names_the_lane() -> None:
    """With triggers on: whoever moves the base may delete, and the lane's seal tells."""
    rows: list[Any] = fill_lane(2)
    set_all("audit_lanes", "base_number", "length")
    AuditEvent.objects.filter(pk=rows[0].pk).delete()

    assert any(f"lane {rows[0].lane}: its row in audit_lanes was altered" in f for f in verify())


def test_nothing_odd_is_no_fault() -> None:
    fill_lane(5)
    UserFactory()

    assert verify() == []
    remove()
    assert verify() == []
