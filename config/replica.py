"""Which database a request may read from: a replica that is at most a moment old, or the primary.

Lists and searches of the API say that they may read there (`read`); nothing else does. How old the
replica is, is not taken on trust: once a second, a process that is asked for lists notes how far
the primary has written. What the replica has replayed of that tells the age of what it shows: on an
idle system, with a broken stream, by one clock and without any privilege.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol, TypeVar, cast

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    Error as DatabaseFault,
    InterfaceError,
    OperationalError,
    connections,
)
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

T = TypeVar("T")

REPLICA = "replica"
EVERY = 1.0  # seconds between two measurements
PAUSE = 5.0  # after one that failed: the next may take as long as connecting may
LONGEST_PAUSE = 60.0
LASTS = 3.0  # for which a measurement is believed, whatever keeps the next one
CLOCKS = timedelta(seconds=10)  # by which those of several machines may differ, as for tokens
REMEMBERED = 600  # measurements
AWAY = math.inf
# Copies of one cluster have its number; of one cluster there may be many databases.
IDENTITY = "system_identifier, current_database() FROM pg_control_system()"
WRITTEN = f"SELECT pg_current_wal_flush_lsn() - '0/0', {IDENTITY}"
REPLAYED = f"SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() - '0/0', {IDENTITY}"
SAFE_METHODS = ("GET", "HEAD")

log = logging.getLogger("roster.replica")


class Caller(Protocol):
    """What `request.auth` is where the caller has logged in."""

    wrote_at: datetime | None

    def note_write(self) -> None: ...


def is_configured() -> bool:
    return REPLICA in connections.settings


def read(request: Request, answer: Callable[[str], T]) -> T:
    """Return what `answer` gives, read from the database whose alias it is called with.

    A replica that fails, or has not got a migration yet, is as good as none: the primary answers.
    """
    if not is_configured() or has_written(request) or not watch.is_usable():
        return answer(DEFAULT_DB_ALIAS)
    try:
        return answer(REPLICA)
    except DatabaseFault as fault:
        watch.doubt(fault)
        return answer(DEFAULT_DB_ALIAS)


def has_written(request: Request) -> bool:
    """Tell whether the caller may miss in the replica what they have done themselves."""
    caller = caller_of(request)
    if caller is None or request.method not in SAFE_METHODS:
        return True
    lag = timedelta(seconds=settings.REPLICA_MAX_LAG + LASTS)
    return caller.wrote_at is not None and caller.wrote_at > timezone.now() - lag - CLOCKS


def note_write(request: Request, response: Response) -> None:
    """Remember, for all machines, that the caller has just changed something."""
    if not is_configured() or request.method in SAFE_METHODS or response.status_code >= 400:
        return
    if caller := caller_of(request):
        try:
            caller.note_write()
        except DatabaseFault as fault:  # what the caller asked for is done all the same
            log.warning("a write was not noted: %s", type(fault).__name__)


def caller_of(request: Request) -> Caller | None:
    auth: Any = request.auth
    return cast(Caller, auth) if hasattr(auth, "wrote_at") else None


def lag() -> float | None:
    """Return how many seconds the replica may be behind, `inf` if it is away; None without one."""
    if not is_configured():
        return None
    watch.is_usable()
    return watch.lag


class Written:
    """How far the primary had written, and when: what a replica has of that tells its age."""

    def __init__(self) -> None:
        self._notes: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def note(self, moment: float, position: int) -> None:
        self._notes.append((moment, position))

    def age(self, now: float, replayed: int) -> float:
        """Return since when a replica may lack something; forget what came before that."""
        reached: tuple[float, int] | None = None
        while self._notes and self._notes[0][1] <= replayed:
            reached = self._notes.popleft()
        if reached is None:
            return AWAY
        self._notes.appendleft(reached)
        return now - reached[0]


class Watch:
    """How old the replica is, as this process last found."""

    def __init__(self) -> None:
        self.lag = AWAY
        self._lock = Lock()
        self._next = 0.0  # when to measure again
        self._found = -LASTS
        self._written = Written()
        self._pause = PAUSE
        self._doubted = -2 * LONGEST_PAUSE
        self._is_used: bool | None = None

    def is_usable(self) -> bool:
        """Tell whether the replica is young enough; measure where that is due.

        One thread does, the others go by what was found last.
        """
        if time.monotonic() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._measure()
            finally:
                self._lock.release()
        is_believed = time.monotonic() - self._found <= LASTS
        return is_believed and self.lag <= settings.REPLICA_MAX_LAG

    def doubt(self, fault: Exception) -> None:
        """Leave it alone for a while, a query has failed there; longer where that comes again.

        It may lack a column, or a page on its disk, which no measurement shows. That it is away
        does show.
        """
        now = time.monotonic()
        is_away = isinstance(fault, OperationalError | InterfaceError)
        is_again = not is_away and now - self._doubted < 2 * LONGEST_PAUSE
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if is_again else PAUSE
        self._doubted = now
        self.lag, self._next = AWAY, now + self._pause
        self._tell(type(fault).__name__)

    def _measure(self) -> None:
        self.lag, reason = self._look()
        self._found = time.monotonic()
        self._next = self._found + (PAUSE if reason else EVERY)
        self._tell(reason)

    def _look(self) -> tuple[float, str]:
        """Return the age, and why there is none."""
        now = time.monotonic()
        try:
            written, *ours = _row(DEFAULT_DB_ALIAS, WRITTEN)
            is_replica, replayed, *theirs = _row(REPLICA, REPLAYED)
        except DatabaseFault as fault:
            connections[REPLICA].close()
            return AWAY, type(fault).__name__
        if not is_replica:  # it was promoted, or never was one
            return AWAY, "it is no replica"
        if theirs != ours:
            return AWAY, "it is a replica of something else"
        self._written.note(now, int(written))
        return self._written.age(time.monotonic(), int(replayed or 0)), ""

    def _tell(self, reason: str) -> None:
        is_used = self.lag <= settings.REPLICA_MAX_LAG
        if is_used is self._is_used:
            return
        self._is_used = is_used
        if is_used:
            log.info("lists are read from the replica")
        else:
            age = "further behind than can be told" if self.lag == AWAY else f"{self.lag:.0f} s old"
            log.warning("lists are read from the primary, not the replica: %s", reason or age)


def _row(alias: str, sql: str) -> tuple[Any, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        row: tuple[Any, ...] = cursor.fetchone()
        return row


watch = Watch()
