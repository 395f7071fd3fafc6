"""The threads of a worker that serve requests: few take turns at the interpreter, more stand by."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 0.02  # seconds: tens of requests, where none of them waits for anything


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

    async def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in one of the few threads if it can."""
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
        return await self.run_slowly(call, *arguments)

    async def run_slowly(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the call does, in none of the few threads: it is known to take long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._more, call, *arguments)
