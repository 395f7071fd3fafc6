"""The launcher."""

import os
import signal
import subprocess
import sys
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from granian import Granian

from config import draining, server


def test_serves_the_bridge_with_the_workers_of_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(Granian, "serve", lambda granian: served.append(granian))  # noqa: PLW0108 # a built-in is not bound
    monkeypatch.setattr(sys, "argv", ["server", "--host", "0.0.0.0", "--port", "8123"])  # noqa: S104 # nothing listens

    server.main()

    assert [(one.target, one.bind_addr, one.bind_port) for one in served] == [
        ("config.rsgi:app", "0.0.0.0", 8123)  # noqa: S104 # nothing listens
    ]
    assert served[0].workers == settings.WEB_WORKERS


def test_who_is_forked_while_the_server_drains_is_told_and_the_dead_hold_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stopped = Event()
    monkeypatch.setattr(server.Server, "_stop", lambda _: stopped.set())
    serving = server.Server("config.rsgi:app", drain_seconds=1)
    serving.wrks = [SimpleNamespace(inner=SimpleNamespace(pid=gone.pid))]
    try:
        serving.signal_handler_interrupt(signal.SIGTERM)
        if (child := os.fork()) == 0:
            os._exit(0 if draining.is_draining() else 1)
        _, status = os.waitpid(child, 0)
    finally:
        draining._is_told.clear()

    assert os.waitstatus_to_exitcode(status) == 0
    assert stopped.wait(10)


def test_does_not_start_with_settings_it_cannot_understand() -> None:
    environment = os.environ | {"WEB_WORKERS": "many", "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-m", "config.server"],
        env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert "WEB_WORKERS: expected a whole number from 1 to 256" in ended.stderr
