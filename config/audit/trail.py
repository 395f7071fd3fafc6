"""Writing the trail: the verbs call this inside their transaction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from config.audit.events import Event
from config.audit.lanes import take_lane
from config.audit.models import AuditEvent, AuditLane
from config.audit.origin import current_origin
from config.audit.seals import canonical, mac_of, seal_of

Changes = Mapping[str, tuple[Any, Any]]  # what was and what is, by field
MASKED = "***"
SECRETS = frozenset({"password"})
BATCH = 1000  # events an INSERT
COLUMNS = tuple(column.attname for column in AuditEvent._meta.concrete_fields[1:])  # but the id
INSERT = f'INSERT INTO "audit_events" ({", ".join(COLUMNS)}) VALUES '  # noqa: S608 # names of ours
PLACES = f"({', '.join(['%s'] * len(COLUMNS))})"
COPY = f'COPY "audit_events" ({", ".join(COLUMNS)}) FROM STDIN'
FEW = 50  # events; for more of them COPY takes a third of the time
_AT = COLUMNS.index("at")


@dataclass(frozen=True)
class Act:
    """What to record; `actor` is None for a command, and for one who has not proved who they are.

    Values of `changes` and `details` are JSON's own, or instants.
    """

    event: Event
    actor: Any = None
    target: models.Model | None = None
    changes: Changes = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def record(
    event: Event,
    *,
    actor: Any,
    target: models.Model | None = None,
    changes: Changes | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write one act; see `record_all`."""
    record_all([Act(event, actor, target, changes or {}, details or {})])


def record_all(acts: Iterable[Act]) -> None:
    """Write acts in the transaction of what was done, so that neither exists without the other.

    Three queries, whatever the number of acts, for up to 1000 of them. Raises
    `TransactionManagementError` outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An act is recorded in its transaction.")
    lane = None
    for batch in _batches(acts):
        lane = lane or take_lane()
        append(lane, batch)


def append(lane: AuditLane, acts: Iterable[Act]) -> None:
    """Write acts at the end of a lane that this transaction holds."""
    events = [_next_event(lane, act) for act in acts]
    # The lane first: a trigger refuses an event that no lane has counted.
    save_lane(lane)
    _insert([_row(event) for event in events])


def save_lane(lane: AuditLane) -> None:
    lane.seal = seal_of(lane)
    names = ("length", "head", "base_number", "base_mac", "seal")
    AuditLane.objects.filter(pk=lane.pk).update(**{name: getattr(lane, name) for name in names})


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the changes of all that is in `after`; what is not in `before` was null."""
    return {
        name: (_masked(name, before.get(name)), _masked(name, value))
        for name, value in after.items()
    }


def _insert(rows: list[list[Any]]) -> None:
    """Insert in one query; building it by the ORM cost more than running it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(rows) > FEW:
            with cursor.copy(COPY) as copy:
                for row in rows:
                    copy.write_row(row)
            return
        values = [value for row in rows for value in row]
        cursor.execute(INSERT + ", ".join([PLACES] * len(rows)), values)


def _row(event: AuditEvent) -> list[Any]:
    row = [getattr(event, column) for column in COLUMNS]
    row[_AT] = connection.ops.adapt_datetimefield_value(event.at)
    return row


def _masked(name: str, value: Any) -> Any:
    return MASKED if name in SECRETS and value is not None else value


def _next_event(lane: AuditLane, act: Act) -> AuditEvent:
    origin = current_origin()
    actor = act.actor if act.actor is not None and act.actor.pk else None
    event = AuditEvent(
        lane=lane.number,
        number=lane.length + 1,
        at=timezone.now(),
        event=act.event,
        actor_id=actor.pk if actor else None,
        actor=str(actor) if actor else "",
        target_type=act.target._meta.model_name or "" if act.target else "",
        target_id=act.target.pk if act.target else None,
        target=str(act.target) if act.target else "",
        door=origin.door,
        address=origin.address,
        request_id=origin.request_id,
        changes=canonical(dict(act.changes)),
        details=canonical(dict(act.details)),
        previous=lane.head,
    )
    event.mac = mac_of(event)
    lane.length, lane.head = event.number, event.mac
    return event


def _batches(acts: Iterable[Act]) -> Iterator[list[Act]]:
    iterator = iter(acts)
    while batch := list(islice(iterator, BATCH)):
        yield batch
