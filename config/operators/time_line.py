"""The latest events of the trail as lines to read on the page of what they are about."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from config.api.values import represent_value
from config.audit.models import AuditEvent
from config.audit.origin import Door
from config.audit.reading import read

LATEST = 50  # lines on a page

DOORS = {
    Door.ADMIN: "the operators' site",
    Door.API: "the API",
    Door.PAGE: "a page of ours",
    Door.COMMAND: "a command",
}


@dataclass(frozen=True)
class Line:
    """One event; all of it is text to be escaped."""

    at: datetime
    stamp: str  # RFC 3339
    words: str  # what happened
    actor: str
    target: str
    address: str
    door: str
    changes: str
    sessions_ended: int
    url: str


def lines_of(events: Iterable[AuditEvent]) -> list[Line]:
    return [_line(event) for event in events]


def _line(event: AuditEvent) -> Line:
    ended = (read(event.details) or {}).get("sessions_ended")
    return Line(
        at=event.at,
        stamp=represent_value(event.at),
        words=words_of(event),
        actor=event.actor,
        target=event.target,
        address=event.address,
        door=DOORS.get(event.door, event.door),  # type: ignore[call-overload] # a door is text
        changes=changes_of(event),
        sessions_ended=ended if isinstance(ended, int) else 0,
        url=reverse("admin:audit_auditevent_change", args=(event.pk,)),
    )


def words_of(event: AuditEvent) -> str:
    """Return what happened, such as `Invitation sent`."""
    return str(event.event).replace("_", " ").capitalize()


def changes_of(event: AuditEvent) -> str:
    """Return the changes as text, such as `name: "Rita" → "Rita N."`."""
    changes = read(event.changes)
    if changes is None:
        return str(event.changes)  # SQLite keeps bytes where text should be
    return ", ".join(
        f"{name}: " + " → ".join(json.dumps(value, ensure_ascii=False) for value in pair)
        if isinstance(pair, list)
        else f"{name}: {pair}"
        for name, pair in changes.items()
    )
