"""Finding what SQL did to the trail: what it altered, removed and slipped in."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.db.models import F, Func, Max, Q, TextField
from django.db.models.functions import Cast

from config.audit.guards import altered_guards
from config.audit.lanes import read_lane, top_of
from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import is_genuine, is_sealed

CHUNK = 2000  # events in memory at a time
NUMBER_KIND = Func(F("number"), function="typeof", output_field=TextField())


class WrongKey(Exception):
    """No lane is sealed with the present key, and no late event either."""


@dataclass
class Findings:
    """The faults so far, and what was looked at."""

    events: int = 0
    lanes: int = 0
    faults: int = 0


def find_faults(findings: Findings) -> Iterator[str]:
    """Yield a line a fault and count them in `findings`; raise `WrongKey`.

    Memory does not grow with the trail, and nobody waits for this.
    """
    for fault in _all_faults(findings):
        findings.faults += 1
        yield fault


def _all_faults(findings: Findings) -> Iterator[str]:
    yield from (f"trigger {name}: gone, switched off or altered" for name in altered_guards())
    rows = _read_lanes()
    if not rows and get_user_model()._default_manager.exists():
        yield "all of audit_lanes was removed: there are users, and making one is an act"
    sealed = [number for number, lane in rows.items() if is_sealed(lane)]
    top = top_of(max(sealed, default=0))
    if not sealed:
        latest = AuditEvent.objects.order_by("-id").values_list("id", flat=True)[:CHUNK]
        if rows and not any(is_genuine(_read(row_id)) for row_id in latest):
            raise WrongKey
        top = top_of(AuditEvent.objects.aggregate(last=Max("lane"))["last"] or 0)
    for number in range(1, top + 1):
        findings.lanes += 1
        yield from _Walk(number, findings).faults()
    for number in sorted(set(rows) - set(range(1, top + 1))):
        yield f"lane {number}: its row in audit_lanes was slipped in"
    yield from _outside(top, findings)
    yield from _odd_numbers()


def _read_lanes() -> dict[int, AuditLane]:
    numbers = AuditLane.objects.values_list("number", flat=True)
    # Again where there were none: the first ones ever may have been made since.
    found = list(numbers.all()) or list(numbers.all())
    return {number: read_lane(number) or AuditLane(number=number) for number in found}


def _outside(top: int, findings: Findings) -> Iterator[str]:
    """Yield the events of lanes that Roster never made, unless it has done so meanwhile."""
    outside = AuditEvent.objects.exclude(lane__in=range(1, top + 1)).order_by("id")
    rest = Q()  # whatever their ids are
    while found := list(outside.filter(rest).values_list("id", flat=True)[:CHUNK]):
        made = [lane.number for lane in AuditLane.objects.filter(number__gt=top) if is_sealed(lane)]
        rows = AuditEvent.objects.filter(rest, id__lte=found[-1], lane__in=made)
        known = set(rows.values_list("id", flat=True))
        findings.events += len(found)
        yield from (
            f"audit event id {row_id}: slipped in, there is no such lane"
            for row_id in found
            if row_id not in known
        )
        rest = Q(id__gt=found[-1])


def _odd_numbers() -> Iterator[str]:
    """Yield the rows whose number is none: SQLite keeps fractions, texts and bytes in its place."""
    if connection.vendor == "sqlite":
        odd = AuditEvent.objects.annotate(kind=NUMBER_KIND).exclude(kind="integer")
        for row_id in odd.order_by("id").values_list("id", flat=True).iterator():
            yield f"audit event id {row_id}: altered or slipped in, its number is none"


class _Walk:
    """One lane, looked through in chunks while others append to it and prune it.

    What its row counted before the look must be there; what is there must be counted by its row
    after the look. Both hold without a lock or a snapshot, since an event comes and goes in the
    transaction in which the lane's row says so.
    """

    def __init__(self, number: int, findings: Findings) -> None:
        self.number, self.findings = number, findings
        self.before = self.read_lane()
        self.now = self.before
        # The last event that has its place: its number and id, its mac (None if it is at fault).
        self.last_number = self.before.base_number if self.before else 0
        self.last_id = 0
        self.last_mac: str | None = self.before.base_mac if self.before else None
        self.has_begun = False
        self.rest = Q()  # the rows not read yet

    def read_lane(self) -> AuditLane | None:
        """Return the lane's row if it can be believed."""
        lane = read_lane(self.number)
        return lane if lane and is_sealed(lane) else None

    def faults(self) -> Iterator[str]:
        if self.before is None:
            is_there = AuditLane.objects.filter(pk=self.number).exists()
            what = "altered" if is_there else "removed"
            yield (
                f"lane {self.number}: its row in audit_lanes was {what}; "
                "it cannot be told whether events at either end of it are missing"
            )
        while True:
            rows = self.read_chunk()
            self.now = self.read_lane()
            for row in rows:
                self.findings.events += 1
                yield from self.judge(row)
            if len(rows) < CHUNK:
                break
            last = rows[-1]
            self.rest = Q(number__gt=last.number) | Q(number=last.number, id__gt=last.pk)
        if self.before:
            yield from self.missing(self.before.length + 1, None)

    def read_chunk(self) -> list[AuditEvent]:
        events = AuditEvent.objects.filter(self.rest, lane=self.number)
        if connection.vendor == "sqlite":
            events = events.annotate(kind=NUMBER_KIND).filter(kind="integer")
            events = events.annotate(spelt=Cast("at", TextField()))
        rows = events.order_by("number", "id")[:CHUNK]
        try:
            return list(rows)
        except (ValueError, DatabaseError):
            # SQLite keeps what is no time and no text, PostgreSQL times that no calendar has.
            keys = list(rows.values_list("id", "number"))
            return [_read(row_id, self.number, number) for row_id, number in keys]

    def judge(self, row: AuditEvent) -> Iterator[str]:
        name = f"audit event id {row.pk} (lane {self.number}, number {row.number})"
        is_right = is_genuine(row) and _is_spelt_right(row)
        if self.now and row.number > self.now.length:
            yield (
                f"{name}: is past the end of its lane, whose row was put back to an older state"
                if is_right
                else f"{name}: slipped in, not written by Roster"
            )
            return
        if self.now and row.number <= self.now.base_number:
            if not self.before or row.number <= self.before.base_number:
                yield f"{name}: slipped in, its number has been pruned"
            return  # pruned just now
        if self.has_begun and row.number == self.last_number:
            if not is_right or self.last_mac is not None:
                yield f"{name}: slipped in, a second row of this number"
                return
        elif row.number != self.last_number + 1:
            yield from self.missing(row.number, row.pk)
            self.last_mac = None
        yield from self.judge_content(row, name, is_right=is_right)
        self.has_begun, self.last_number, self.last_id = True, row.number, row.pk
        self.last_mac = row.mac if is_right else None

    def judge_content(self, row: AuditEvent, name: str, *, is_right: bool) -> Iterator[str]:
        if not is_right:
            yield f"{name}: altered, or put in the place of another"
        elif self.last_mac is not None and row.previous != self.last_mac:
            yield f"{name}: does not follow the event before it; one of them is of another history"
        elif self.last_mac is not None and row.pk <= self.last_id:
            # Ids are given out while the lane is held, so they ascend with the numbers.
            yield f"{name}: its id was altered, or that of id {self.last_id} before it"
        elif self.before and row.number == self.before.length and row.mac != self.before.head:
            yield f"{name}: is not the event that the row of its lane ends with"

    def missing(self, number: int, row_id: int | None) -> Iterator[str]:
        """Yield what is not there between the event looked at last and this number."""
        first = self.last_number + 1
        if self.now:
            first = max(first, self.now.base_number + 1)
        if not self.before and not self.has_begun:
            return  # nothing says where the lane begins
        if first >= number:
            return
        what = (
            f"number {first} is" if first == number - 1 else f"numbers {first} to {number - 1} are"
        )
        after = f"after id {self.last_id}" if self.last_id else "at its beginning"
        where = f"between id {self.last_id} and id {row_id}" if self.last_id and row_id else after
        yield f"lane {self.number}: {what} missing ({where})"


def _read(row_id: int, lane: int = 0, number: int = 0) -> AuditEvent:
    """Return a row; with its key alone where SQL put something in it that cannot be read."""
    try:
        return AuditEvent.objects.get(pk=row_id)
    except (ValueError, DatabaseError):
        return AuditEvent(id=row_id, lane=lane, number=number)


def _is_spelt_right(row: AuditEvent) -> bool:
    """Tell whether SQLite has the time as Django writes it: filters compare the text."""
    spelt = getattr(row, "spelt", None)
    return spelt is None or spelt == str(row.at.replace(tzinfo=None))
