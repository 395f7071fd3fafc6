"""The production server: `python -m config.server --host 127.0.0.1 --port 8000`."""

import argparse
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from config.logs import SERVER_TOO

STANDARD = (0, 1, 2)  # in, out, error
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 # a fresh folder in it, for its owner alone
COUNTS = "PROMETHEUS_MULTIPROC_DIR"


def main() -> None:
    """Serve until SIGTERM; requests in flight are finished."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    open_what_is_closed()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8000)
    chosen = options.parse_args()
    try:
        is_counting = bool(settings.METRICS_TOKEN)
    except ImproperlyConfigured as fault:  # with names and reasons; a traceback tells no more
        sys.exit(str(fault))
    with shared_counts() if is_counting else nullcontext():
        django.setup()  # loads what counts, which must find the folder
        try:  # Granian shares a port with whoever has it, and the two would take turns
            family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
            socket.create_server((chosen.host, chosen.port), family=family).close()
        except (OSError, OverflowError) as fault:
            options.error(f"cannot listen on {chosen.host}:{chosen.port}: {fault}")
        serve(chosen.host, chosen.port)


def open_what_is_closed() -> None:
    """Keep the numbers of standard streams that are closed from a database or a socket."""
    for stream in STANDARD:
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def serve(host: str, port: int) -> None:
    Granian(
        "config.rsgi:app",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        workers=settings.WEB_WORKERS,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_enabled=True,
        log_dictconfig=SERVER_TOO if settings.LOG_FORMAT == "json" else None,
    ).serve()


@contextmanager
def shared_counts() -> Iterator[None]:
    """Lend all server processes a folder that is empty, where each counts and any adds up.

    Its files are mapped into memory: on a disk that gets full, writing to one would end a process.
    """
    if given := os.environ.get(COUNTS):
        Path(given).mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in Path(given).glob("*.db"):
            file.unlink()
        yield
        return
    parent = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="roster-", dir=parent, ignore_cleanup_errors=True) as folder:
        os.environ[COUNTS] = folder
        try:
            yield
        finally:
            del os.environ[COUNTS]


if __name__ == "__main__":
    main()
