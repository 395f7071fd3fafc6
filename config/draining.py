"""When this process is to stop: told beforehand, so that `/readyz` says so, or left alone.

The server's main process tells its workers before it stops them. One that is killed tells nobody:
its workers would serve on, by the code of then, and keep the port from the next server.
"""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from threading import Event

SIGNAL = signal.SIGUSR1  # from the server's main process to its workers
HELD = {SIGNAL, signal.SIGTERM, signal.SIGINT}  # until a worker listens
LOOKS = 0.5  # seconds between two looks whether that is still there

_is_told = Event()
_main_process: int | None = None


def lead() -> None:
    """Let this be the main process of all that are forked from it.

    What one of these is told waits until it listens: Python forgets what comes before it has forked
    to its end, and an event loop what comes before it runs. The worker would serve on until killed.
    """
    global _main_process  # noqa: PLW0603 # set once, before there are threads
    _main_process = os.getpid()
    signal.signal(SIGNAL, signal.SIG_IGN)  # inherited: it ends nobody who cannot yet hold it
    os.register_at_fork(before=_hold, after_in_parent=_let_go)


def _hold() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def _let_go() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def listen(loop: asyncio.AbstractEventLoop) -> None:
    """Take the word from the main process, in a worker; stop when that has gone."""
    loop.add_signal_handler(SIGNAL, _is_told.set)
    loop.call_soon(_let_go)
    if _main_process:
        _watch(loop)


def _watch(loop: asyncio.AbstractEventLoop) -> None:
    if os.getppid() == _main_process:
        loop.call_later(LOOKS, _watch, loop)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def tell(workers: Iterable[int]) -> None:
    """Let these and all that are forked from now on, in place of one that ends, say so."""
    _is_told.set()
    for worker in workers:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(worker, SIGNAL)


def is_draining() -> bool:
    return _is_told.is_set()
