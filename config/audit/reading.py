"""Reading what the trail holds as text."""

import json
from typing import Any


def read(text: str) -> dict[str, Any] | None:
    """Return the object that was written; None where SQL has made something else of it."""
    try:
        found: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
