"""Where the act being served comes from."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Door(StrEnum):
    API = "api"
    ADMIN = "admin"
    PAGE = "page"
    COMMAND = "command"


@dataclass(frozen=True)
class Origin:
    """Through which door, from which address ("" if unknown), under which request id."""

    door: Door = Door.COMMAND
    address: str = ""
    request_id: str = ""


_origin: ContextVar[Origin] = ContextVar("origin")
_COMMAND = Origin()
_PAGES = ("invitation", "password")


def current_origin() -> Origin:
    """Return where the request being served comes from; outside of one it is a command."""
    return _origin.get(_COMMAND)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Let what is recorded inside come from there."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def door_of(path: str) -> Door:
    """Return the door that a request's path (from the root, with its slash) goes through."""
    first = path.lstrip("/").partition("/")[0]
    if first == "admin":
        return Door.ADMIN
    return Door.PAGE if first in _PAGES else Door.API
