"""The production server: `python -m config.server --host 127.0.0.1 --port 8000`."""

import argparse
import fcntl
import logging
import os
import re
import resource
import shutil
import signal
import socket
import stat
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from threading import Event, Thread
from typing import Any, TextIO

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import resolve
from django.utils.module_loading import import_string
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer
from typing_extensions import override

from config.draining import lead, tell
from config.logs import SERVER_TOO

log = logging.getLogger("roster.server")

# A worker that dies within this many seconds of its start cannot start: all end, with status 1.
STARTS = 2
GRANIANS = 5.5  # what Granian takes: two that are killed in a row would end all
AGAIN = 0.5  # seconds until workers are told again that the server drains
LOOKS = 0.1  # seconds between two looks whether the main process has been told something

STANDARD = (0, 1, 2)  # in, out, error
MOST_CONNECTIONS = 4096  # of a worker; what comes beyond waits unanswered, probes too
OTHER_FILES = 256  # that it may open beside them

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 # a fresh folder in it, for its owner alone
COUNTS = "PROMETHEUS_MULTIPROC_DIR"
COUNT_FILE = re.compile(r"(counter|gauge_[a-z]+|histogram|summary)_[0-9]+\.db\Z")
OURS = "roster-counts-"
YOUNG = 60  # seconds


class Attention(Event):
    """What Granian's main loop waits for, and looks by itself whether that has come.

    A signal that the system gave to another thread interrupts no wait, so that nobody would hear of
    it; one that comes while the loop gets ready to wait anew would be forgotten.
    """

    def __init__(self, is_told: Callable[[], bool]) -> None:
        super().__init__()
        self._is_told = is_told

    @override
    def wait(self, timeout: float | None = None) -> bool:
        while not (super().wait(LOOKS) or self._is_told()):
            pass
        return True


class Server(MPServer):
    """Granian that says it will stop before it does, and outlives workers that are killed."""

    def __init__(self, *arguments: Any, drain_seconds: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.drain_seconds = drain_seconds
        self.is_draining = False
        self.leaving: list[Any] = []  # workers that are being replaced
        self.main_loop_interrupt = Attention(self.is_told)

    def is_told(self) -> bool:
        return bool(self.interrupt_signal or self.reload_signal or self.interrupt_children)

    @override
    def signal_handler_interrupt(self, *arguments: Any, **options: Any) -> None:
        """Stop; at the first SIGTERM only when load balancers have had time to see it coming."""
        number = arguments[0] if arguments else signal.SIGINT
        if number != signal.SIGTERM or self.is_draining or not self.drain_seconds:
            self._stop()
            return
        self.is_draining = True
        log.info("stopping in %s s; /readyz says so", self.drain_seconds)
        self._tell()
        Thread(target=self._drain, daemon=True).start()

    @override
    def signal_handler_reload(self, *arguments: Any, **options: Any) -> None:
        self.reload_signal = True

    def _drain(self) -> None:
        """Tell also those that were just being started, and so are listed only now; then stop."""
        end = time.monotonic() + self.drain_seconds
        while (left := end - time.monotonic()) > 0 and not self.interrupt_signal:
            self._tell()
            time.sleep(min(left, AGAIN))
        self._stop()

    def _tell(self) -> None:
        tell(worker.inner.pid for worker in (*self.wrks, *self.leaving))

    def _stop(self) -> None:
        """Let the main loop end. It is not woken: a handler may interrupt it in its own lock."""
        self.interrupt_signal = True

    @override
    def _respawn_workers(self, workers: Any, *arguments: Any, **options: Any) -> None:
        """Replace workers one by one, and no more of them once all are to stop."""
        for index in workers:
            if self.interrupt_signal:
                return
            self.leaving = [self.wrks[index]]
            super()._respawn_workers([index], *arguments, **options)
            self.respawned_wrks[index] -= GRANIANS - STARTS
            self.leaving = []


def main() -> None:
    """Serve until SIGTERM; requests in flight are finished."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", type=address, default="127.0.0.1")
    options.add_argument("--port", type=int, default=8000)
    chosen = options.parse_args()
    try:
        is_counting = bool(settings.METRICS_TOKEN)
    except ImproperlyConfigured as fault:  # with names and reasons; a traceback tells no more
        sys.exit(str(fault))
    if not is_counting:
        os.environ.pop(COUNTS, None)  # or the library counts there
    with shared_counts() if is_counting else nullcontext():
        django.setup()  # loads what counts, which must find the folder
        try:  # Granian shares a port with whoever has it, and the two would take turns
            place = chosen.host, chosen.port
            socket.create_server(place, family=family_of(chosen.host)).close()
        except (OSError, OverflowError) as fault:
            options.error(f"cannot listen on {chosen.host}:{chosen.port}: {fault}")
        load_views()
        serve(chosen.host, chosen.port)


def address(value: str) -> str:
    """Return an IPv4 or IPv6 address as it is: Granian takes no names, and a name may have many."""
    try:
        socket.inet_pton(family_of(value), value)
    except (OSError, ValueError):  # the latter for what no C string can hold
        raise ArgumentTypeError("expected an address such as 127.0.0.1 or ::1, no name") from None
    return value


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def load_views() -> None:
    """Import what requests need once, so that a worker that is forked has it and starts at once."""
    for name in settings.MIDDLEWARE:
        import_string(name)
    resolve("/livez")


def open_what_is_closed() -> None:
    """Keep the numbers of standard streams that are closed from a database or a socket."""
    for stream in STANDARD:
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def unbuffered(stream: int) -> TextIO:
    """Return a standard stream that keeps nothing back.

    What could not be written is lost then, and does not end the server: it would be tried again
    wherever somebody flushes the stream, as `multiprocessing` does before it forks a worker.
    """
    raw = open(stream, "wb", buffering=0, closefd=False)  # noqa: SIM115 # stays open to the end
    return TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)


def serve(host: str, port: int) -> None:
    lead()
    Server(
        "config.rsgi:app",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        workers=settings.WEB_WORKERS,
        websockets=False,
        backpressure=connections_allowed(),
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_enabled=True,
        log_dictconfig=SERVER_TOO if settings.LOG_FORMAT == "json" else None,
        drain_seconds=settings.DRAIN_SECONDS,
    ).serve()


def connections_allowed() -> int:
    """Return how many connections a worker may have, and let it open as many files.

    Each client that sends slowly has one for as long as it may take.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_CONNECTIONS
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):  # where even this is not allowed
        allowed = soft
    return max(1, allowed - OTHER_FILES)


@contextmanager
def shared_counts() -> Iterator[None]:
    """Lend all server processes a folder that is empty, where each counts and any adds up.

    Its files are mapped into memory: on a disk that gets full, writing to one would end a process.
    """
    if given := os.environ.get(COUNTS):
        empty_folder(Path(given))
        yield
        return
    parent = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    sweep(parent or Path(gettempdir()))
    with TemporaryDirectory(prefix=OURS, dir=parent, ignore_cleanup_errors=True) as folder:
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)  # until the last worker ends
        os.environ[COUNTS] = folder
        try:
            yield
        finally:
            del os.environ[COUNTS]


def empty_folder(folder: Path) -> None:
    """Make the folder that we were given, or take from it what the library has left there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.iterdir():
            if COUNT_FILE.match(file.name):
                file.unlink()
    except OSError as fault:
        sys.exit(f"{COUNTS}: this folder cannot be used: {fault.strerror}")


def sweep(parent: Path) -> None:
    """Remove the folders of servers that were killed: nobody holds their locks any more.

    Not those of the last minute, whose owner may be about to take the lock.
    """
    for folder in parent.glob(f"{OURS}*"):
        with suppress(OSError):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if is_ours and time.time() - found.st_mtime > YOUNG:
                remove_unless_held(folder)


def remove_unless_held(folder: Path) -> None:
    """Remove the folder; raises `OSError` where somebody holds its lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    open_what_is_closed()
    sys.stdout, sys.stderr = unbuffered(1), unbuffered(2)
    main()
