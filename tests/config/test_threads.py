"""Few threads serve all while none is stuck; what has waited too long goes to others."""

import asyncio
from threading import Event, get_ident

import pytest

from config.threads import LONGEST, MOST, SHORTEST, Apart, Overloaded, Threads


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


def test_what_cannot_begin_for_long_is_given_up_and_never_runs() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()
    runs: list[int] = []

    async def overload() -> float:
        stuck = [asyncio.create_task(threads.run(is_free.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.05)  # both have begun
        began = asyncio.get_running_loop().time()
        with pytest.raises(Overloaded):
            await threads.run(runs.append, 1)
        waited = asyncio.get_running_loop().time() - began
        is_free.set()
        await asyncio.gather(*stuck)
        await threads.run(int)  # the threads are as before
        return waited

    assert LONGEST <= asyncio.run(overload()) < LONGEST + 2
    assert runs == []


def test_where_always_somebody_waits_the_next_are_given_up_sooner() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()

    async def overload() -> float:
        loop = asyncio.get_running_loop()
        stuck = [asyncio.create_task(threads.run(is_free.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.05)  # both have begun
        first = asyncio.create_task(threads.run(int))
        await asyncio.sleep(LONGEST - SHORTEST / 2)
        second, began = asyncio.create_task(threads.run(int)), loop.time()
        await asyncio.wait([first])
        third = asyncio.create_task(threads.run(int))
        await asyncio.wait([second, third])
        waited = loop.time() - began
        is_free.set()
        await asyncio.gather(*stuck)
        assert all(isinstance(one.exception(), Overloaded) for one in (first, second, third))
        return waited

    assert asyncio.run(overload()) < LONGEST


def test_of_more_than_can_be_here_none_waits() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()
    runs: list[int] = []

    async def overload() -> float:
        stuck = [asyncio.create_task(threads.run(is_free.wait, 30)) for _ in range(MOST)]
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        for _ in range(100):
            with pytest.raises(Overloaded):
                await threads.run(runs.append, 1)
        waited = asyncio.get_running_loop().time() - began
        is_free.set()
        await asyncio.gather(*stuck)
        await threads.run(runs.append, 2)
        return waited

    assert asyncio.run(overload()) < SHORTEST
    assert runs == [2]


def test_where_always_somebody_waits_only_those_who_are_served_soon_are_taken() -> None:
    """With nothing served for as long, that is as many again as there are threads."""
    threads, is_free = Threads(1, 2, patience=0), Event()

    async def overload() -> tuple[int, int]:
        stuck = [asyncio.create_task(threads.run(is_free.wait, 30)) for _ in range(3)]
        await asyncio.sleep(0.05)  # all have begun
        first = asyncio.create_task(threads.run(int))
        await asyncio.sleep(LONGEST - SHORTEST / 2)
        second = asyncio.create_task(threads.run(int))
        await asyncio.wait([first])
        late = [asyncio.create_task(threads.run(int)) for _ in range(20)]
        await asyncio.sleep(0)
        waiting = sum(not one.done() for one in late)
        is_free.set()
        await asyncio.gather(*stuck, first, second, *late, return_exceptions=True)
        after = [asyncio.create_task(threads.run(int)) for _ in range(20)]
        return waiting, len(await asyncio.gather(*after))

    assert asyncio.run(overload()) == (2 * 3 - 4, 20)


def test_what_stands_apart_waits_for_no_others() -> None:
    threads, one, is_free = Threads(1, 1, patience=0), Apart("one"), Event()

    async def overload() -> int:
        stuck = [asyncio.create_task(threads.run(is_free.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.05)
        answered: int = await one.run(get_ident)
        is_free.set()
        await asyncio.gather(*stuck)
        return answered

    assert asyncio.run(overload()) != get_ident()
