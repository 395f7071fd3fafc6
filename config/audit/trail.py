"""Writing the trail: called by the verbs, inside their transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from config.audit.models import AuditEvent
from config.audit.origin import origin

# field: (before, after); of a secret both are `MASKED`
Changes = Mapping[str, tuple[Any, Any]]
MASKED = "***"


@dataclass(frozen=True)
class Act:
    """What to record: `event` is noun.past-participle; `actor` None is a command or a stranger."""

    event: str
    actor: Any = None
    target: models.Model | None = None
    changes: Changes = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def record(
    event: str,
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

    Values of `changes` and `details` are JSON's own; moments as text.
    """
    AuditEvent.objects.bulk_create([_event_of(act) for act in acts])


def _event_of(act: Act) -> AuditEvent:
    source = origin.get()
    return AuditEvent(
        event=act.event,
        actor_id=act.actor.pk if act.actor else None,
        actor_email=act.actor.email if act.actor else "",
        target_type=(act.target._meta.model_name or "") if act.target else "",
        target_id=act.target.pk if act.target else None,
        changes={name: list(pair) for name, pair in act.changes.items()},
        details=dict(act.details),
        door=source.door,
        address=source.address,
        request_id=source.request_id,
    )
