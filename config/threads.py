"""The threads of a worker that serve requests: few take turns at the interpreter, more stand by."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 0.02  # seconds: tens of requests, where none of them waits for anything
SHORTEST = 0.3  # seconds that each may wait while there are always some who do
LONGEST = 3.0  # and in a rush that is over as soon
MOST = 192  # calls that are here at once
RUSH = 1.2  # seconds in which somebody has always waited
SOON = 0.2  # seconds: then no more are here than are served in these
SPAN = 0.5  # seconds, the least over which it is counted how many are served


class Overloaded(Exception):
    """This could not begin soon enough, and nothing was done."""


class Threads:
    """A few threads, and more for what has waited for one of these too long.

    With as many threads as there are requests, some of these wait for the interpreter while others
    have it again and again: the slowest of a hundred take several times as long. The few are stuck
    where they wait for a database, so what has not begun after `PATIENCE` goes to the others.

    Where more comes than can be served, a queue without end makes everybody wait for ever longer,
    and what is served last nobody waits for any more. So a call that has not begun after `LONGEST`
    is given up; after `SHORTEST`, if there has been somebody waiting for as long as `LONGEST`. And
    what comes while there are `MOST`, or after a `RUSH` what is served `SOON`, is not taken at all:
    to refuse it at once costs so little that the others are served as if it had not come.
    """

    def __init__(self, few: int, more: int, patience: float = PATIENCE) -> None:
        self._few = ThreadPoolExecutor(few, "request")
        self._more = ThreadPoolExecutor(more, "slow-request")
        self._patience = patience
        self._threads = few + more
        self._here, self._nobody_waited = 0, 0.0  # calls; and when there was a thread for each
        self._served, self._counted_since, self._rate = 0, 0.0, 0.0  # the last a second

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in one of the few threads if it can; or `Overloaded`."""
        if self._is_full(asyncio.get_running_loop().time()):
            raise Overloaded
        self._here += 1
        try:
            result = await self._run(call, *arguments)
        finally:
            self._here -= 1
        self._served += 1
        return result

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        job, is_moved = self._few.submit(call, *arguments), False

        def move() -> None:
            nonlocal is_moved
            is_moved = job.cancel()  # true where it has not begun

        timer = asyncio.get_running_loop().call_later(self._patience, move)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if not is_moved:
                raise
        finally:
            timer.cancel()
        return await self._run_past(call, *arguments)

    async def _run_past(self, call: Callable[..., Any], *arguments: Any) -> Any:
        loop, is_given_up = asyncio.get_running_loop(), False
        job = self._more.submit(call, *arguments)

        def give_up() -> None:
            nonlocal is_given_up
            is_given_up = job.cancel()

        timer = loop.call_at(self._wait_until(loop.time()), give_up)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if not is_given_up:
                raise
            raise Overloaded from None
        finally:
            timer.cancel()

    def _wait_until(self, now: float) -> float:
        """Return when the next one is to be given up."""
        self._look(now)
        return max(now + SHORTEST, self._nobody_waited + LONGEST)

    def _is_full(self, now: float) -> bool:
        self._look(now)
        if now < self._nobody_waited + RUSH:
            return self._here >= MOST
        return self._here >= min(MOST, max(2 * self._threads, self._rate * SOON))

    def _look(self, now: float) -> None:
        """Note when nobody waits, and count how many are served."""
        if self._here <= self._threads:
            self._nobody_waited = now
        if now > self._counted_since + SPAN:
            self._rate = self._served / (now - self._counted_since)
            self._served, self._counted_since = 0, now

    async def run_slowly(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in none of the few threads: it is known to take long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._more, call, *arguments)


class Apart:
    """A thread for calls of one kind, which wait for no others."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
