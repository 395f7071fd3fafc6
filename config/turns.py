"""Requests that bring a password take turns: who waits for one takes no thread that others need."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from config.api.errors import Busy
from users.hashing import MOST, SLOTS

MOST_WAITING = 64  # in a worker: about 2 seconds of hashing


class Turns:
    """At most `at_once` are served at a time, first come, first served; `most_waiting` wait.

    Wherever a password is hashed it is in the body. (A key spelt with escapes is not seen: who does
    that gets into no queue, and 503 sooner, see `users.hashing`.)
    """

    def __init__(self, at_once: int, most_waiting: int = MOST_WAITING) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._places = at_once + most_waiting

    def of(self, body: bytes) -> AbstractAsyncContextManager[None]:
        """Wait for a turn if there is a password in the body; raise `Busy` where too many wait."""
        return self._wait() if b"password" in body else nullcontext()

    @asynccontextmanager
    async def _wait(self) -> AsyncIterator[None]:
        if not self._places:
            raise Busy
        self._places -= 1
        try:
            async with self._turn:
                yield
        finally:
            self._places += 1


# One more than can hash: while it does, another asks the database.
turns = Turns(min(MOST, SLOTS + 1))
