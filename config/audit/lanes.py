"""Taking a lane, so that many acts can be recorded at the same time."""

import logging
import secrets
from typing import Any, cast

from django.db import DatabaseError, connection
from django.db.models import Exists, Max, OuterRef

from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import is_sealed, seal_of

log = logging.getLogger("roster.audit")

LANES = 64  # made at once


def take_lane() -> AuditLane:
    """Return a lane that this transaction holds from now on: any that is free.

    Only while all of them are held does it wait, for one of them. A lane that is not as Roster
    sealed it, or has events past its end, is left alone: another event would seal what somebody
    else wrote, or have no place.
    """
    broken: list[int] = []
    while True:
        try:
            lane = _free_lane(broken) or _awaited_lane(broken)
        except (ValueError, DatabaseError):
            # Columns of PostgreSQL hold what they can; after a fault it answers nothing more.
            if connection.vendor != "sqlite":
                raise
            if not (unreadable := set(unreadable_lanes()) - {*broken}):
                raise  # it is the database that is away
            _leave_alone(broken, *unreadable)
            continue
        if lane is None:
            make_lanes()
        elif is_sealed(lane) and not lane.is_overrun:
            return cast(AuditLane, lane)
        else:
            _leave_alone(broken, lane.number)


def unreadable_lanes() -> list[int]:
    """Return the lanes in which SQL put what cannot be read: SQLite keeps what is no text."""
    return [number for number in _numbers() if read_lane(number) is None]


def read_lane(number: int) -> AuditLane | None:
    """Return a lane's row; None where there is none that can be read."""
    try:
        return AuditLane.objects.filter(pk=number).first()
    except (ValueError, DatabaseError):
        return None


def _leave_alone(broken: list[int], *numbers: int) -> None:
    for number in numbers:
        log.error("The audit trail's lane %s was altered; see `manage.py verify_audit`.", number)
    broken.extend(numbers)


def _lanes() -> Any:
    later = AuditEvent.objects.filter(lane=OuterRef("number"), number__gt=OuterRef("length"))
    return AuditLane.objects.annotate(is_overrun=Exists(later))


def _numbers(broken: list[int] | None = None) -> list[int]:
    lanes = AuditLane.objects.exclude(number__in=broken or [])
    return list(lanes.values_list("number", flat=True))


def _free_lane(broken: list[int]) -> Any:
    lanes = _lanes().select_for_update(skip_locked=True)
    return lanes.exclude(number__in=broken).order_by("?").first()


def _awaited_lane(broken: list[int]) -> Any:
    if not (known := _numbers(broken)):
        return None
    return _lanes().select_for_update().filter(number=secrets.choice(known)).first()


def make_lanes() -> None:
    """Make the lanes that follow those there are, and those that events speak of."""
    last = top_of(AuditLane.objects.aggregate(last=Max("number"))["last"] or 0)
    last = max(last, top_of(AuditEvent.objects.aggregate(last=Max("lane"))["last"] or 0))
    lanes = [AuditLane(number=number) for number in range(last + 1, last + LANES + 1)]
    for lane in lanes:
        lane.seal = seal_of(lane)
    # Another process may be doing the same: PostgreSQL waits for it here.
    AuditLane.objects.bulk_create(lanes, ignore_conflicts=True)


def top_of(number: int) -> int:
    """Return the last number of the lanes that were made together with this one."""
    return -(-number // LANES) * LANES
