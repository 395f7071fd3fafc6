"""The launcher."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from granian import Granian

from config import server


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


def test_does_not_start_with_settings_it_cannot_understand() -> None:
    environment = os.environ | {"WEB_WORKERS": "many", "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-m", "config.server"],
        env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert "WEB_WORKERS: expected a whole number from 1 to 256" in ended.stderr
