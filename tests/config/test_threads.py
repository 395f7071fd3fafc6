"""Few threads serve all while none is stuck; what has waited too long goes to others."""

import asyncio
import gc
import weakref
from threading import Event, get_ident

import pytest

from config.threads import (
    LEAST,
    LONGEST,
    MOST,
    RUSH,
    SHORTEST,
    SOON,
    Apart,
    Crowd,
    Overloaded,
    Threads,
)


def fill(crowd: Crowd, now: float) -> int:
    """Let in as many as may come, and return how many."""
    count = 0
    while True:
        try:
            crowd.come(now)
        except Overloaded:
            return count
        count += 1


def crowded(threads: int, seconds: float, rate: int) -> Crowd:
    """Return who is there after so long in which one always waited and so many were served."""
    crowd = Crowd(threads)
    for _ in range(threads):
        crowd.come(0.0)
    for number in range(round(seconds * rate)):
        crowd.enter()
        crowd.go(is_served=True)
        crowd.given_up_at((number + 1) / rate)
    return crowd


def test_a_rush_that_is_soon_over_is_let_in() -> None:
    assert fill(crowded(8, RUSH - 0.1, 100), RUSH - 0.1) == MOST - 8


@pytest.mark.parametrize(
    ("rate", "places"), [(100, LEAST * 8), (500, 500 * SOON), (2000, MOST)], ids=str
)
def test_after_a_rush_as_many_are_let_in_as_are_served_soon(rate: int, places: int) -> None:
    assert fill(crowded(8, RUSH + 0.1, rate), RUSH + 0.1) == pytest.approx(places - 8, rel=0.02)


def test_who_is_given_up_is_not_taken_for_served() -> None:
    crowd = crowded(8, 2.0, 1000)
    for _ in range(10):
        fill(crowd, 2.0)
        for _ in range(60):
            crowd.go(is_served=False)

    assert fill(crowd, 3.0) == 0


def test_where_there_is_a_thread_for_each_nobody_waits() -> None:
    crowd = crowded(8, LONGEST + 1, 100)
    full_for_long = crowd.given_up_at(LONGEST + 1)
    crowd.go(is_served=True)

    assert full_for_long == LONGEST + 1 + SHORTEST
    assert crowd.given_up_at(LONGEST + 1) == LONGEST + 1 + LONGEST


def test_what_takes_long_has_threads_that_others_wait_for() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()

    async def wait_behind_slow_ones() -> float:
        loop = asyncio.get_running_loop()
        slow = [asyncio.create_task(threads.run_slowly(is_free.wait, 30)) for _ in range(2)]
        stuck = asyncio.create_task(threads.run(is_free.wait, 30))
        await asyncio.sleep(LONGEST)
        began = loop.time()
        with pytest.raises(Overloaded):
            await threads.run(int)
        waited = loop.time() - began
        is_free.set()
        await asyncio.gather(stuck, *slow)
        return waited

    assert asyncio.run(wait_behind_slow_ones()) < LONGEST - 1


class Body(list[int]):
    """Can be watched, as bytes cannot."""


def test_what_is_given_up_or_done_elsewhere_is_kept_by_nobody() -> None:
    threads, is_free = Threads(1, 1, patience=0), Event()
    bodies = [Body([1000]) for _ in range(3)]
    watched = [weakref.ref(body) for body in bodies]

    async def overload() -> int:
        stuck = asyncio.create_task(threads.run(is_free.wait, 30))
        await asyncio.sleep(0.05)  # it has begun
        await threads.run(len, bodies.pop())  # by the other thread
        also_stuck = asyncio.create_task(threads.run(is_free.wait, 30))
        await asyncio.sleep(0.05)
        given_up = asyncio.create_task(threads.run(len, bodies.pop()))
        left = asyncio.create_task(threads.run(len, bodies.pop()))
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.wait([given_up, left])
        given_up.exception()  # or asyncio tells that nobody has asked
        del given_up, left
        gc.collect()
        kept = sum(ref() is not None for ref in watched)
        is_free.set()
        await asyncio.gather(stuck, also_stuck)
        return kept

    assert asyncio.run(overload()) == 0


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

    assert LONGEST - 0.1 <= asyncio.run(overload()) < LONGEST + 2  # since both had begun
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
    """With nothing served for as long, that is four times as many as there are threads."""
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

    assert asyncio.run(overload()) == (4 * 3 - 4, 20)


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


def test_of_what_stands_apart_there_is_no_queue_without_end() -> None:
    one, is_free = Apart("one"), Event()

    async def overload() -> int:
        stuck = [asyncio.create_task(one.run(is_free.wait, 30)) for _ in range(MOST)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await one.run(get_ident)
        is_free.set()
        await asyncio.gather(*stuck)
        answered: int = await one.run(get_ident)
        return answered

    assert asyncio.run(overload()) != get_ident()
