"""The version of a row as an entity tag (RFC 9110, sections 8.8.3 and 13.1.1)."""

import hashlib

from django.utils.http import parse_etags

from config.api.errors import PreconditionFailed


class Stale(Exception):
    """The row changed between reading and saving; read it again."""


def etag_of(*state: object) -> str:
    """Return a strong tag of the values that make the row's state."""
    return '"' + hashlib.sha256(repr(state).encode()).hexdigest()[:32] + '"'


def check_if_match(condition: str | None, etag: str) -> None:
    """Raise `PreconditionFailed` unless `condition` (an `If-Match` value or None) allows `etag`.

    A weak or unreadable tag matches nothing: strong comparison is required.
    """
    if condition is None:
        return
    allowed = parse_etags(condition)
    if allowed != ["*"] and etag not in allowed:
        raise PreconditionFailed
