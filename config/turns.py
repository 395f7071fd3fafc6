"""Requests that take long take turns: who waits for one takes no thread that others need.

Those that bring a password, which is hashed; and, by `config.exports`, those for a file of users.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config import metrics
from config.api.errors import Busy
from users.hashing import MOST, SLOTS

MOST_WAITING = 64  # in a worker: a few seconds of hashing, by the number of its cores
LONGEST = 10.0  # seconds in which a turn comes, or nobody waits for it any more
MOST_OF_ONE = 8  # of one address, where places are scarce: people behind one router
WRITES = ("POST", "PUT", "PATCH")
# Where a password is weighed or set, whatever else is in the body.
ALWAYS = re.compile(
    r"/auth/(login|invitation|password/reset)/?\Z"
    r"|/admin/(login|password_change)/\Z|/admin/.*/(add|password)/\Z"
    r"|/(invitation|password/reset)/"
)
USERS = re.compile(r"/users(/[0-9]+)?/?\Z")
SPELLINGS = (b"password", b"\\u")  # of a key in JSON
OWN = re.compile(r"/admin/users/user/[0-9]+/change/\Z")  # asks for it where it is the operator's


def hashes(method: str, path: str, body: bytes) -> bool:
    """Tell whether a request will have a password hashed."""
    if method not in WRITES:
        return False
    if USERS.match(path):
        return any(spelling in body for spelling in SPELLINGS)
    return bool(ALWAYS.match(path)) or (b"current_password" in body and bool(OWN.match(path)))


class Turns:
    """At most `at_once` are served at a time, first come, first served; `most_waiting` wait.

    Of the last quarter of the places nobody who has `MOST_OF_ONE` takes another: one address
    that sends without pause leaves them to others. Who has waited for `longest` waits no more.
    """

    def __init__(
        self,
        at_once: int,
        most_waiting: int = MOST_WAITING,
        longest: float = LONGEST,
        *,
        fault: type[Busy] = Busy,
        is_hashing: bool = True,
    ) -> None:
        self._longest, self._fault = longest, fault
        self._is_hashing = is_hashing  # and so has metrics
        self._turn = asyncio.Semaphore(at_once)
        self._places = at_once + most_waiting
        self._scarce = self._places // 4
        self._taken: Counter[str] = Counter()

    @asynccontextmanager
    async def wait(self, client: str = "") -> AsyncIterator[None]:
        """Wait for a turn and hold it; raise `fault` where too many wait, or this one for long."""
        is_scarce = self._places <= self._scarce
        if not self._places or (is_scarce and client and self._taken[client] >= MOST_OF_ONE):
            raise self._refused()
        self._places -= 1
        self._taken[client] += 1
        try:
            with metrics.Present(metrics.hashing_waiting if self._is_hashing else None):
                await self._acquire()
            try:
                with metrics.Present(metrics.hashing_busy if self._is_hashing else None):
                    yield
            finally:
                self._turn.release()
        finally:
            self._places += 1
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    async def _acquire(self) -> None:
        try:
            async with asyncio.timeout(self._longest):
                await self._turn.acquire()
        except TimeoutError:
            raise self._refused() from None

    def _refused(self) -> Busy:
        if self._is_hashing:
            metrics.count_hashing_refused()
        return self._fault()


# One more than can hash: while it does, another asks the database.
turns = Turns(min(MOST, SLOTS + 1))
