"""On how many threads passwords are hashed: a flood of log-ins leaves the machine to others."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from django.conf import settings

from config.api.errors import Busy
from config.metrics import count_hashing_refused

MOST = 6  # requests of a worker that hash or wait to: as many as threads for what takes long
NICENESS = 19  # whoever reads waits for no hash, and a hash waits a little longer

P = ParamSpec("P")
T = TypeVar("T")


def cores() -> int:
    """Return how many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def slots_of(cores: int, workers: int) -> int:
    """Return the hashes at once of one server process: one a core for all of them together.

    Where there are more processes than cores, one each.
    """
    return min(MOST, max(1, cores // workers))


class Hashing:
    """Threads of its own, at most `slots`, each of which keeps the memory of one hash.

    In the threads of requests every one of these would keep it: glibc has an arena for each.
    """

    def __init__(self, slots: int, most: int = MOST) -> None:
        self._threads = ThreadPoolExecutor(slots, "hashing", initializer=_yield_to_others)
        self._places = BoundedSemaphore(most)

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the call does, once it may; raise `Busy` (503) where too many wait."""
        with self.place():
            return self._threads.submit(call, *args, **kwargs).result()

    @contextmanager
    def place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            count_hashing_refused()
            raise Busy
        try:
            yield
        finally:
            self._places.release()


def _yield_to_others() -> None:
    if sys.platform == "linux":  # elsewhere it is the niceness of the whole process
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


SLOTS = slots_of(cores(), settings.WEB_WORKERS)
hashing = Hashing(SLOTS)
