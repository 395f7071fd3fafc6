"""How an event of the trail is shown."""

from typing import Any

from config.api.values import represent_value
from config.audit.models import AuditEvent
from config.audit.reading import read


def represent_event(event: AuditEvent) -> dict[str, Any]:
    """Return the event as JSON; null for what there was not."""
    target = {"type": event.target_type, "id": event.target_id, "label": event.target}
    return {
        "id": event.pk,
        "at": represent_value(event.at),
        "event": event.event,
        "actor": None if event.actor_id is None else {"id": event.actor_id, "email": event.actor},
        "target": target if event.target_type else None,
        "door": event.door,
        "address": event.address or None,
        "request_id": event.request_id or None,
        "changes": read(event.changes),
        "details": read(event.details),
    }
