"""The production server: `python -m config.server --host 127.0.0.1 --port 8000`."""

import argparse
import os
import socket
import sys

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings


def main() -> None:
    """Serve until SIGTERM; requests in flight are finished."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8000)
    chosen = options.parse_args()
    try:
        django.setup()
    except ImproperlyConfigured as fault:  # with names and reasons; a traceback tells no more
        sys.exit(str(fault))
    try:  # Granian shares a port with whoever has it, and the two would take turns
        family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
        socket.create_server((chosen.host, chosen.port), family=family).close()
    except (OSError, OverflowError) as fault:
        options.error(f"cannot listen on {chosen.host}:{chosen.port}: {fault}")
    Granian(
        "config.rsgi:app",
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        workers=settings.WEB_WORKERS,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_enabled=True,
    ).serve()


if __name__ == "__main__":
    main()
