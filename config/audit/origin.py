"""Where the act being served comes from."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Door = Literal["api", "admin", "page", "command"]


@dataclass(frozen=True)
class Origin:
    """Through which door, from which address, under which request id."""

    door: Door = "command"
    address: str | None = None
    request_id: str = ""


COMMAND = Origin()  # outside of a request
origin: ContextVar[Origin] = ContextVar("origin", default=COMMAND)
