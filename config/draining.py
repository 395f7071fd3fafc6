"""Whether this process has been told that it is about to stop: `/readyz` says so until it does."""

import asyncio
import signal
from threading import Event

SIGNAL = signal.SIGUSR1  # from the server's main process to its workers

_is_told = Event()


def listen(loop: asyncio.AbstractEventLoop) -> None:
    """Take the word from the main process."""
    loop.add_signal_handler(SIGNAL, _is_told.set)


def is_draining() -> bool:
    return _is_told.is_set()
