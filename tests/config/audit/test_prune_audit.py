"""`manage.py prune_audit`: old events go, and what remains can be verified."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command

from config.audit.models import AuditEvent
from tests.trail import act, alter, events, fill_lane, lane_of, put, remove, verify

pytestmark = pytest.mark.django_db

TODAY = datetime(2030, 3, 1, tzinfo=UTC)


def prune(before: str, **options: bool) -> str:
    out = StringIO()
    call_command("prune_audit", before=before, stdout=out, **options)
    return out.getvalue()


def act_on(*days: int) -> list[AuditEvent]:
    """Record an act at noon of each of these days of 2030, all in one lane."""
    rows: list[AuditEvent] = []
    for day in days:
        with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC) + timedelta(days=day - 1)):
            rows = fill_lane(len(rows) + 1, rows[0].lane if rows else 0)
    return rows


@pytest.fixture(autouse=True)
def today() -> object:
    with time_machine.travel(TODAY):
        yield


def test_deletes_what_is_older_and_keeps_the_rest() -> None:
    rows = act_on(1, 2, 3, 4)

    assert prune("2030-01-03") == "Audit events pruned: 2.\n"

    left = [row["id"] for row in events(event="login")]
    assert left == [row.pk for row in rows[2:]]
    assert verify() == []


def test_says_what_it_deleted_in_the_trail_itself() -> None:
    rows = act_on(1, 2, 3)

    prune("2030-01-03")

    (row,) = events(event="audit_pruned")
    assert (row["lane"], row["number"], row["door"]) == (rows[0].lane, 4, "command")
    assert row["details"] == {
        "before": "2030-01-03T00:00:00.000000Z",
        "lane": rows[0].lane,
        "number": 2,
        "events": 2,
    }


@pytest.mark.parametrize(("before", "count"), [("2030-01-01", 0), ("2030-01-02", 1),
                                               ("2030-02-28", 3), ("2030-03-01", 3)])  # fmt: skip
def test_a_day_begins_in_utc(before: str, count: int) -> None:
    act_on(1, 2, 3)

    assert prune(before) == f"Audit events pruned: {count}.\n"
    assert prune(before) == "Audit events pruned: 0.\n"
    assert verify() == []


def test_prunes_every_lane() -> None:
    with time_machine.travel(TODAY - timedelta(days=9)):
        for _ in range(100):
            act()

    assert prune("2030-02-28") == "Audit events pruned: 100.\n"

    assert {row["event"] for row in events()} == {"audit_pruned"}
    assert verify() == []
    act()
    assert prune("2030-03-01") == "Audit events pruned: 0.\n"
    assert verify() == []


def test_a_trial_deletes_nothing() -> None:
    act_on(1, 2)
    before = events()

    assert prune("2030-01-02", dry_run=True) == "Audit events would be pruned: 1.\n"

    assert events() == before


def test_what_remains_is_verified_as_strictly_as_before() -> None:
    rows = act_on(1, 2, 3, 4, 5)
    prune("2030-01-03")
    lane = rows[0].lane

    put(rows[0])
    alter(rows[2], actor="eve@example.com")
    remove(rows[3])

    assert verify() == [
        f"audit event id {rows[0].pk} (lane {lane}, number 1): "
        "slipped in, its number has been pruned",
        f"audit event id {rows[2].pk} (lane {lane}, number 3): "
        "altered, or put in the place of another",
        f"lane {lane}: number 4 is missing (between id {rows[2].pk} and id {rows[4].pk})",
    ]


def test_the_first_row_that_remains_may_not_go() -> None:
    rows = act_on(1, 2, 3)
    prune("2030-01-02")
    remove(rows[1])

    (fault,) = verify()

    assert fault == f"lane {rows[0].lane}: number 2 is missing (at its beginning)"


def test_what_was_saved_is_not_missed_once_it_is_pruned(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    act_on(1, 2)
    verify(save=file)

    prune("2030-02-01")

    assert verify(against=file) == []


def test_a_later_event_of_an_earlier_time_stays_with_its_neighbours() -> None:
    """The clock was put back: what goes is always the beginning of a lane."""
    rows = act_on(1, 20, 2)

    assert prune("2030-01-10") == "Audit events pruned: 1.\n"

    assert [row["id"] for row in events(event="login")] == [row.pk for row in rows[1:]]
    assert verify() == []


@pytest.mark.parametrize("fault", ["lane", "last", "missing"])
def test_a_lane_at_fault_is_left_as_it_is(fault: str) -> None:
    rows = act_on(1, 2, 3)
    if fault == "lane":
        alter(lane_of(rows[0]), head="x")
    elif fault == "last":
        alter(rows[1], actor="x")
    else:
        remove(rows[1])
    before, found = events(), verify()

    with pytest.raises(CommandError, match=f"run verify_audit: lanes {rows[0].lane} were altered"):
        prune("2030-01-03")

    assert events() == before
    assert verify() == found


@pytest.mark.parametrize(
    "day",
    ["", "yesterday", "2030-1-1", "20300101", "2030-02-30", "2030-W01-1", "2030-01-01T00:00:00",
     "2030-03-02", "9999-12-31", "\u0662030-01-01", "2030-01-01\n"],
)  # fmt: skip
def test_a_day_that_is_none_or_not_yet_there_is_refused(day: str) -> None:
    act_on(1)
    before = events()

    with pytest.raises(CommandError, match="--before"):
        prune(day)

    assert events() == before
