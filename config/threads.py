"""The threads of a worker that serve requests: few take turns at the interpreter, more stand by."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 0.02  # seconds: tens of requests, where none of them waits for anything
SHORTEST = 0.3  # seconds that each may wait while there are always some who do
LONGEST = 3.0  # and in a rush that is over as soon
MOST = 128  # calls that are here at once
LEAST = 4  # times as many as there are threads are always taken
RUSH = 1.2  # seconds in which somebody has always waited
SOON = 0.15  # seconds: then no more are here than are served in these
SPAN = 0.5  # seconds, the least over which it is counted how many are served

Result = asyncio.Future[Any]
Arguments = tuple[Any, ...]


class Overloaded(Exception):
    """This could not begin soon enough, and nothing was done."""


class Crowd:
    """Who is here, served or waiting, and whether one more may come; times in seconds of one clock.

    Where more comes than can be served, a queue without end makes everybody wait for ever longer,
    and what is served last nobody waits for any more. So one that has not begun after `LONGEST` is
    given up; after `SHORTEST`, if there has been somebody waiting for as long as `LONGEST`. And
    who comes while there are `MOST`, or after a `RUSH` what is served `SOON`, is not let in at all:
    to refuse them at once costs so little that the others are served as if they had not come.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._here = 0
        self._nobody_waited = 0.0  # when there was last a free thread for one more
        self._served, self._counted_since, self._rate = 0, 0.0, 0.0  # the last a second

    def come(self, now: float) -> None:
        """Let one in; raise `Overloaded` where too many are here."""
        self._look(now)
        if self._here >= self._places(now):
            raise Overloaded
        self.enter()

    def enter(self) -> None:
        """Let one in who has waited for a turn elsewhere."""
        self._here += 1

    def go(self, *, is_served: bool) -> None:
        self._here -= 1
        self._served += is_served

    def given_up_at(self, now: float) -> float:
        """Return when one that waits now is to be given up."""
        self._look(now)
        return max(now + SHORTEST, self._nobody_waited + LONGEST)

    def _places(self, now: float) -> float:
        if now < self._nobody_waited + RUSH:
            return MOST
        return min(MOST, max(LEAST * self._threads, self._rate * SOON))

    def _look(self, now: float) -> None:
        if self._here < self._threads:
            self._nobody_waited = now
        if now > self._counted_since + SPAN:
            self._rate = self._served / (now - self._counted_since)
            self._served, self._counted_since = 0, now


class Job:
    """A call for whichever thread takes it first; the others find nothing left of it.

    Nor does a queue in which it stays behind, which may be for long: a body, say, or a fault with
    the frames that it came through.
    """

    __slots__ = ("_work",)

    def __init__(self, result: Result, call: Callable[..., Any], arguments: Arguments) -> None:
        self._work = [(result, call, arguments)]

    def take(self) -> tuple[Result, Callable[..., Any], Arguments] | None:
        try:
            return self._work.pop()  # of two at the same moment, one finds it
        except IndexError:
            return None

    def has_begun(self) -> bool:
        return not self._work

    def begin(self) -> None:
        """Do it in this thread, if nobody else does, and tell the event loop what came of it."""
        if work := self.take():
            result, call, arguments = work
            tell = result.get_loop().call_soon_threadsafe
            try:
                done = call(*arguments)
            except BaseException as fault:  # noqa: BLE001 # for whoever waits for it
                tell(settle, result, None, fault)
            else:
                tell(settle, result, done)

    def give_up(self) -> None:
        if work := self.take():
            settle(work[0], None, Overloaded())


def settle(result: Result, done: Any, fault: BaseException | None = None) -> None:
    if result.done():  # whoever waited has gone
        return
    if fault:
        result.set_exception(fault)
    else:
        result.set_result(done)


class Threads:
    """A few threads, and more for what has waited for one of these too long.

    With as many threads as there are requests, some of these wait for the interpreter while others
    have it again and again: the slowest of a hundred take several times as long. The few are stuck
    where they wait for a database, so what has not begun after `PATIENCE` goes to the others.
    """

    def __init__(self, few: int, more: int, patience: float = PATIENCE) -> None:
        self._few = ThreadPoolExecutor(few, "request")
        self._more = ThreadPoolExecutor(more, "slow-request")
        self._patience = patience
        self._crowd = Crowd(few + more)

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in one of the few threads if it can; or `Overloaded`."""
        loop = asyncio.get_running_loop()
        self._crowd.come(loop.time())
        result, is_served = loop.create_future(), False
        job = Job(result, call, arguments)
        timer = loop.call_later(self._patience, self._move, job, result)
        try:
            self._few.submit(job.begin)
            done = await result
            is_served = True
        finally:
            job.take()  # nobody is to begin what nobody waits for any more
            timer.cancel()
            self._crowd.go(is_served=is_served)
        return done

    def _move(self, job: Job, result: Result) -> None:
        """Let more threads try, and give up what none of all can begin in time."""
        if job.has_begun():
            return
        self._more.submit(job.begin)
        loop = asyncio.get_running_loop()
        timer = loop.call_at(self._crowd.given_up_at(loop.time()), job.give_up)
        result.add_done_callback(lambda _: timer.cancel())

    async def run_slowly(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in none of the few threads: it is known to take long."""
        loop = asyncio.get_running_loop()
        self._crowd.enter()
        try:
            return await loop.run_in_executor(self._more, call, *arguments)
        finally:
            self._crowd.go(is_served=True)


class Apart:
    """A thread for calls of one kind, which wait for no others; `MOST` of them at once."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._here = 0

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        if self._here >= MOST:
            raise Overloaded
        self._here += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
        finally:
            self._here -= 1
