"""`manage.py verify_audit`: names each row that SQL altered, removed or slipped in."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.audit import verification
from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import SEALED
from tests.trail import (
    act,
    alter,
    empty,
    fill_lane,
    lane_of,
    put,
    remove,
    run,
    verify,
    without_triggers,
)

pytestmark = pytest.mark.django_db

ALTERED = "altered, or put in the place of another"
SLIPPED_IN = "slipped in, not written by Roster"
OF_TYPES = {"at": "2020-01-01T00:00:00Z", "actor_id": 7, "target_id": 7}


def named(row: AuditEvent) -> str:
    return f"audit event id {row.pk} (lane {row.lane}, number {row.number})"


def test_an_empty_trail_is_without_fault() -> None:
    assert verify() == []


def test_what_roster_wrote_is_without_fault() -> None:
    for _ in range(100):
        act()

    assert verify() == []


def test_every_column_but_the_id_is_sealed() -> None:
    assert {field.attname for field in AuditEvent._meta.fields} == {*SEALED, "id", "mac"}


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("column", [*SEALED[2:], "mac"])
def test_names_the_row_that_was_altered_and_no_other(column: str, place: int) -> None:
    row = fill_lane(5)[place]

    alter(row, **{column: OF_TYPES.get(column, "x")})

    assert verify() == [f"{named(row)}: {ALTERED}"]


def test_names_ids_that_are_out_of_order() -> None:
    rows = fill_lane(4)

    alter(rows[1], id=rows[1].pk + 1000)

    (fault,) = verify()
    expected = f"its id was altered, or that of id {rows[1].pk + 1000} before it"
    assert fault == f"{named(rows[2])}: {expected}"


def test_names_one_altered_one_removed_and_one_slipped_in_at_once() -> None:
    first, altered, before, removed, after, _ = fill_lane(6)

    alter(altered, actor="eve@example.com")
    remove(removed)
    extra = put(first, id=None, number=7)

    assert verify() == [
        f"{named(altered)}: {ALTERED}",
        f"lane {first.lane}: number 4 is missing (between id {before.pk} and id {after.pk})",
        f"{named(extra)}: {SLIPPED_IN}",
    ]


def test_names_the_neighbour_of_a_removed_row_only_if_that_was_altered_too() -> None:
    _, removed, neighbour, _ = fill_lane(4)
    remove(removed)
    assert len(verify()) == 1

    alter(neighbour, event="logout")

    assert verify()[1:] == [f"{named(neighbour)}: {ALTERED}"]


def test_names_the_last_rows_of_a_lane_that_are_gone() -> None:
    rows = fill_lane(5)
    remove(*rows[3:])

    assert verify() == [f"lane {rows[0].lane}: numbers 4 to 5 are missing (after id {rows[2].pk})"]


@pytest.mark.parametrize(("length", "what"), [(1, "number 1 is"), (3, "numbers 1 to 3 are")])
def test_names_all_rows_of_a_lane_that_are_gone(length: int, what: str) -> None:
    rows = fill_lane(length)
    remove(*rows)

    assert verify() == [f"lane {rows[0].lane}: {what} missing (at its beginning)"]


def test_names_a_row_put_where_another_was_taken_away() -> None:
    rows = fill_lane(4)
    remove(rows[1])
    forged = put(rows[0], id=None, number=2)

    assert verify() == [f"{named(forged)}: {ALTERED}"]


def test_names_a_row_copied_to_another_lane() -> None:
    row = act()
    extra = put(row, id=None, lane=row.lane % 64 + 1)

    assert verify() == [f"{named(extra)}: {SLIPPED_IN}"]


@pytest.mark.parametrize("lane", [-1, 0, 65, 3000])
def test_names_a_row_of_a_lane_that_there_is_not(lane: int) -> None:
    extra = put(act(), id=None, lane=lane)

    assert verify() == [f"audit event id {extra.pk}: slipped in, there is no such lane"]


def test_names_rows_that_have_changed_places() -> None:
    one, other = fill_lane(3)[:2]
    alter(one, number=99)
    alter(other, number=1)
    alter(one, number=2)

    one.number, other.number = 2, 1
    assert verify() == [f"{named(other)}: {ALTERED}", f"{named(one)}: {ALTERED}"]


@pytest.mark.parametrize("place", [0, 1])
def test_names_a_second_row_of_one_number(place: int) -> None:
    """With the constraint dropped too."""
    rows = fill_lane(3)
    if connection.vendor == "postgresql":
        run("ALTER TABLE audit_events DROP CONSTRAINT audit_events_lane_number")
    else:
        drop_constraint_on_sqlite()
    copy = put(rows[1], id=None)
    if place == 0:
        alter(rows[1], target="x")

    fault = f"{named(rows[1])}: {ALTERED}" if place == 0 else f"{named(copy)}: slipped in, a second"
    assert verify()[0].startswith(fault)


def drop_constraint_on_sqlite() -> None:
    with connection.cursor() as cursor:
        found = "SELECT sql FROM sqlite_master WHERE name = 'audit_events' AND type = 'table'"
        ((table,),) = cursor.execute(found).fetchall()
    loose = table.replace('UNIQUE ("lane", "number")', "CHECK (1)")
    with without_triggers():
        run(loose.replace('"audit_events"', '"loose"', 1))
        run("INSERT INTO loose SELECT * FROM audit_events")
        run("DROP TABLE audit_events")
        run("ALTER TABLE loose RENAME TO audit_events")


@pytest.mark.parametrize("column", ["length", "head", "base_number", "base_mac", "seal"])
def test_names_the_lane_whose_row_was_altered(column: str) -> None:
    lane = lane_of(fill_lane(3)[0])

    alter(lane, **{column: 2 if column in ("length", "base_number") else "x"})

    (fault,) = verify()
    assert fault.startswith(f"{lane}: its row in audit_lanes was altered")


def test_names_what_is_at_fault_in_a_lane_whose_row_was_altered() -> None:
    rows = fill_lane(4)
    alter(lane_of(rows[0]), length=9)
    remove(rows[1])
    alter(rows[3], event="logout")

    between = f"(between id {rows[0].pk} and id {rows[2].pk})"
    assert verify()[1:] == [
        f"lane {rows[0].lane}: number 2 is missing {between}",
        f"{named(rows[3])}: {ALTERED}",
    ]


def test_names_the_lane_whose_row_was_removed() -> None:
    lane = lane_of(act())
    remove(lane)

    (fault,) = verify()

    assert fault.startswith(f"{lane}: its row in audit_lanes was removed")


def test_names_all_lanes_if_none_is_left_and_goes_on_in_new_ones() -> None:
    act()
    remove(*AuditLane.objects.all())
    assert len(verify()) == 64

    assert act().lane > 64

    assert [fault.split(":")[0] for fault in verify()] == [f"lane {n}" for n in range(1, 65)]


def test_names_a_lane_that_was_slipped_in() -> None:
    put(lane_of(act()), number=77)

    assert verify() == ["lane 77: its row in audit_lanes was slipped in"]


def test_a_lane_that_was_altered_is_never_sealed_anew() -> None:
    rows = fill_lane(2)
    lane = lane_of(rows[0])
    alter(lane, length=1, head=rows[0].mac)
    remove(rows[1])

    assert lane.number not in {act().lane for _ in range(300)}

    assert lane_of(rows[0]).length == 1
    assert len(verify()) == 1


def test_names_what_was_altered_where_all_lanes_were_too() -> None:
    rows = fill_lane(3)
    for lane in AuditLane.objects.all():
        alter(lane, seal="x")
    alter(rows[1], actor="eve@example.com")

    assert len(verify()) == 65
    assert f"{named(rows[1])}: {ALTERED}" in verify()


def test_goes_on_in_new_lanes_where_all_were_altered() -> None:
    act()
    for lane in AuditLane.objects.all():
        alter(lane, seal="x")

    assert act().lane > 64

    assert len(verify()) == 64


def put_back(old: AuditLane) -> None:
    alter(old, length=old.length, head=old.head, seal=old.seal)


def test_names_what_a_lane_put_back_no_longer_counts() -> None:
    lane = lane_of(act())
    rows = fill_lane(3, lane.number)

    put_back(lane)

    assert [fault.partition(": ")[0] for fault in verify()] == [named(row) for row in rows[1:]]


def test_names_rows_of_two_histories() -> None:
    lane = lane_of(act())
    rows = fill_lane(3, lane.number)
    put_back(lane)
    remove(*rows[1:])
    replaced, last = fill_lane(3, lane.number)[1:]
    remove(replaced)
    put(rows[1])

    (fault,) = verify()

    assert fault.startswith(f"{named(last)}: does not follow the event before it")


def test_names_a_last_row_of_another_history() -> None:
    lane = lane_of(act())
    rows = fill_lane(2, lane.number)
    put_back(lane)
    remove(rows[1])
    remove(fill_lane(2, lane.number)[1])
    put(rows[1])

    (fault,) = verify()

    assert fault.startswith(f"{named(rows[1])}: is not the event that the row of its lane ends")


def test_another_key_is_told_as_such(settings: Any) -> None:
    act()
    settings.AUDIT_KEY = "another key of at least 32 characters"

    with pytest.raises(CommandError, match="AUDIT_KEY"):
        call_command("verify_audit")


def test_the_trail_has_a_key_of_its_own(settings: Any) -> None:
    settings.AUDIT_KEY = settings.SECRET_KEY  # what it is where nobody sets it
    act()
    settings.SECRET_KEY = "another key of at least 32 characters"

    assert verify() == []


def test_lanes_are_walked_in_chunks_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = fill_lane(7)
    monkeypatch.setattr(verification, "CHUNK", 2)
    assert verify() == []

    remove(rows[2], rows[6])

    assert [fault.partition(" is")[0] for fault in verify()] == [
        f"lane {rows[0].lane}: number {number}" for number in (3, 7)
    ]


def test_chunks_end_though_all_their_rows_were_slipped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    row = act()
    places = [(lane, number) for lane in (row.lane, 90) for number in range(5, 11)]
    extra = [put(row, id=None, lane=lane, number=number) for lane, number in places]
    monkeypatch.setattr(verification, "CHUNK", 3)

    assert len(verify()) == len(extra)


@pytest.mark.parametrize(
    "value", ["'x'", "x'ff'", "'2026-13-13 00:00:00'", "''", "CAST(x'ff' AS TEXT)"]
)
@pytest.mark.parametrize("column", ["at", "number", "actor_id", "changes", "lane", "mac"])
def test_names_a_row_of_wrong_types_where_the_database_keeps_them(column: str, value: str) -> None:
    row = fill_lane(3)[2]
    if connection.vendor == "postgresql":  # does not
        value = {"at": "now()", "changes": "''", "mac": "''"}.get(column, "99")
    with without_triggers():
        sql = f"UPDATE audit_events SET {column} = {value} WHERE id = %s"  # noqa: S608 # ours
        run(sql, row.pk)

    assert any(fault.startswith(f"audit event id {row.pk}") for fault in verify())


def test_what_was_saved_must_still_be_there(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    lane = lane_of(act())
    rows = fill_lane(3, lane.number)
    assert verify(save=file) == []
    rows = fill_lane(5, lane.number)
    assert verify(against=file) == []

    remove(*rows[1:])
    put_back(lane)

    assert verify() == []  # nothing in the database itself tells
    fault = f"{lane}: number 3, on file, is no longer in the trail or is another event"
    assert verify(against=file) == [fault]
    fill_lane(4, lane.number)
    assert verify(against=file) == [fault]


def test_an_emptied_trail_shows_against_what_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    lane = lane_of(act())
    assert verify(save=file) == []
    assert len(json.loads(file.read_text())) == 64
    empty()

    (fault,) = verify(against=file)

    assert fault.startswith(f"{lane}: number 1")


def test_nothing_is_saved_of_a_trail_at_fault(tmp_path: Path) -> None:
    remove(act())

    assert len(verify(save=tmp_path / "heads.json")) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"x": [1, ""]}', '{"1": [1]}', '{"1": 1}', "[" * 99999]
)
def test_a_file_of_another_kind_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)

    with pytest.raises(CommandError, match="is not what --save writes"):
        call_command("verify_audit", against=tmp_path / "file")


def test_a_file_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not what --save writes"):
        call_command("verify_audit", against=tmp_path / "missing")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("verify_audit", save=tmp_path / "missing" / "file")
