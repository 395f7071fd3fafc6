"""Few threads serve all while none is stuck; what has waited too long goes to others."""

import asyncio
from threading import Event, get_ident

import pytest

from config.threads import Threads


def test_quick_calls_share_the_few_threads() -> None:
    threads = Threads(1, 4, patience=60)

    async def call_all() -> set[int]:
        return set(await asyncio.gather(*(threads.run(get_ident) for _ in range(50))))

    assert len(asyncio.run(call_all())) == 1


def test_what_waits_behind_a_stuck_call_goes_past_it() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()

    async def get_stuck_and_past() -> tuple[int, bool]:
        stuck = asyncio.create_task(threads.run(is_free.wait, 10))
        await asyncio.sleep(0)  # let it begin
        past = await threads.run(get_ident)
        is_free.set()
        return past, await stuck

    past, was_freed = asyncio.run(get_stuck_and_past())

    assert was_freed
    assert past != get_ident()


def test_slow_calls_leave_the_few_threads_alone() -> None:
    threads, is_free = Threads(1, 2), Event()

    async def call() -> bool:
        slow = [asyncio.create_task(threads.run_slowly(is_free.wait, 10)) for _ in range(2)]
        await asyncio.sleep(0)
        await threads.run(is_free.set)
        return all(await asyncio.gather(*slow))

    assert asyncio.run(call())


def test_faults_come_through_and_nothing_runs_twice() -> None:
    threads, runs = Threads(1, 1, patience=60), []

    def fail() -> None:
        runs.append(1)
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(threads.run(fail))
    assert runs == [1]
