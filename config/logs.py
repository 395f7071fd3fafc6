"""How log lines look: one JSON object each, or text to read; and that no line stops the service."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from typing_extensions import override

FORMATS = ("json", "text")
TEXT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"
# What a record may carry beside its message. Nothing else goes out: Django, say, hangs the whole
# request on its records. No address of a client: it is personal data, and the audit trail has it
# where it matters.
FIELDS = ("request_id", "method", "route", "status", "duration_ms", "user_id")
# Granian's own start and stop lines, through our handler in place of its own.
SERVER_TOO: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "level": "INFO", "propagate": True}},
}

# What PostgreSQL adds to its message: the values of the row that was refused, a digest among them.
VALUES = "\nDETAIL:"

# What else a client calls a method may be of any length.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

encode = json.JSONEncoder(default=str).encode


class Formatter(logging.Formatter):
    """A line to read; what a database says of values is left out of tracebacks."""

    @override
    def formatException(self, ei: Any) -> str:
        text = super().formatException(ei)
        for fault in chain_of(ei[1]):
            said = str(fault)
            text = text.replace(said, said.partition(VALUES)[0]) if VALUES in said else text
        return text


def chain_of(fault: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that a traceback shows with it."""
    seen: set[int] = set()
    waiting = [fault]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


class JSONFormatter(Formatter):
    """One line a record (RFC 8259), with its time in UTC (RFC 3339) and its traceback in a field.

    Written by hand: a library saves nothing where the fields are a fixed list.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{in_utc(int(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        carried = record.__dict__
        line.update((name, carried[name]) for name in FIELDS if name in carried)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return encode(line)


@lru_cache(maxsize=4)  # to write a moment out takes longer than all else
def in_utc(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Stream(logging.StreamHandler[Any]):
    """Standard error. A line that cannot be written (closed, full, nobody reads) is lost, no more.

    The standard library's handler lets some of these faults through to whoever logs: a request.
    """

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            super().handleError(record)


def method_of(method: str) -> str:
    return method if method in METHODS else "other"


def log_answer(
    log: logging.Logger,
    method: str,
    route: str,
    status: int,
    *,
    taken: float | None = None,
    user_id: int | None = None,
) -> None:
    """Log one line for a request; `taken` is in seconds, None where it was turned away at once.

    The route, never the path or the query: a client may have put a secret into either.
    """
    method = method_of(method)
    fields: dict[str, Any] = {
        "method": method,
        "route": route if route == "-" else f"/{route}",
        "status": status,
        "duration_ms": None if taken is None else round(taken * 1000, 1),
        "user_id": user_id,
    }
    if taken is None:
        log.info("%s /%s %s", method, route, status, extra=fields)
    else:
        log.info("%s /%s %s %.1fms", method, route, status, taken * 1000, extra=fields)
