"""How events and lanes are sealed, so that what SQL alone did to them shows."""

import hashlib
import hmac
import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from config.audit.models import AuditEvent, AuditLane

# Everything but the id, which is not known before the row is there, and the mac itself.
SEALED = (
    "lane",
    "number",
    "at",
    "event",
    "actor_id",
    "actor",
    "target_type",
    "target_id",
    "target",
    "door",
    "address",
    "request_id",
    "changes",
    "details",
    "previous",
)


def canonical(value: Any) -> str:
    """Return the one spelling of a JSON value; instants in UTC with microseconds."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_spell)


def _spell(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no value of JSON")
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def mac_of(event: AuditEvent) -> str:
    """Return the mac that Roster gives an event: of its columns and of the mac before it."""
    return _mac("event", {name: getattr(event, name) for name in SEALED})


def seal_of(lane: AuditLane) -> str:
    return _mac("lane", [lane.number, lane.length, lane.head, lane.base_number, lane.base_mac])


def is_genuine(event: AuditEvent) -> bool:
    """Tell whether an event has the content that Roster gave it, wherever it stands."""
    try:
        return hmac.compare_digest(str(event.mac).encode(), mac_of(event).encode())
    except TypeError:  # SQLite keeps bytes where text should be
        return False


def is_sealed(lane: AuditLane) -> bool:
    """Tell whether a lane's row is as Roster wrote it."""
    try:
        return hmac.compare_digest(str(lane.seal).encode(), seal_of(lane).encode())
    except TypeError:  # so too
        return False


def _mac(kind: str, value: Any) -> str:
    message = f"{kind} {canonical(value)}".encode()
    return hmac.new(_key(settings.AUDIT_KEY), message, hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return salted_hmac("roster.audit", "seal", secret, algorithm="sha256").digest()
