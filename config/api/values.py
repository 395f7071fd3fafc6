"""How values look in answers."""

from datetime import datetime
from typing import Any


def represent_value(value: Any) -> Any:
    """Return instants as RFC 3339 in UTC with microseconds, anything else as it is."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
