"""Taking a lane, so that many acts can be recorded at the same time."""

import logging
import secrets

from django.db.models import Max

from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import is_sealed, seal_of

log = logging.getLogger("roster.audit")

LANES = 64  # made at once


def take_lane() -> AuditLane:
    """Return a lane that this transaction holds from now on: any that is free.

    Only while all of them are held does it wait, for one of them. A lane that is not as Roster
    sealed it is left alone: another event would seal what somebody else wrote.
    """
    broken: list[int] = []
    while True:
        lane = _free_lane(broken) or _awaited_lane(broken)
        if lane is None:
            make_lanes()
            continue
        if is_sealed(lane):
            return lane
        log.error("The audit trail's %s was altered; see `manage.py verify_audit`.", lane)
        broken.append(lane.number)


def _free_lane(broken: list[int]) -> AuditLane | None:
    lanes = AuditLane.objects.select_for_update(skip_locked=True)
    return lanes.exclude(number__in=broken).order_by("?").first()


def _awaited_lane(broken: list[int]) -> AuditLane | None:
    numbers = AuditLane.objects.exclude(number__in=broken).values_list("number", flat=True)
    if not (known := list(numbers)):
        return None
    return AuditLane.objects.select_for_update().filter(number=secrets.choice(known)).first()


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
