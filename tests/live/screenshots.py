"""`make screenshots`: the pictures of the operators' site in docs/screenshots/."""

import base64
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import django
from django.apps import apps
from django.conf import settings
from django.test.utils import setup_test_environment

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

import time_machine
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from selenium import webdriver
from typing_extensions import override

from config.wsgi import application
from tests.admin_site import enter
from tests.live.browser import DESK, HAS_BROWSER, PHONE, chromium, show_as
from tests.live.conftest import BASE_DIR, empty_database, manage
from tests.live.story import NOW, fill, last_import
from users.models import User

INSIDE = "--inside"  # the process whose settings name the database made for this
SCHEMES = ("light", "dark")
MOST_BYTES = 200_000


class Quiet(WSGIRequestHandler):
    """Says nothing of what it is asked for."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def main(arguments: Sequence[str]) -> int:
    if INSIDE in arguments:
        return inside(BASE_DIR / "docs" / "screenshots")
    if not HAS_BROWSER:
        sys.stderr.write("There is no chromium with its chromedriver here.\n")
        return 1
    with tempfile.TemporaryDirectory() as folder, empty_database(Path(folder)) as url:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.live.settings",
            "DATABASE_URL": url,
            "LIVE_STATIC_ROOT": f"{folder}/static",
        }
        manage(environment, "migrate", "--verbosity", "0")
        manage(environment, "collectstatic", "--noinput", "--verbosity", "0")
        command = [sys.executable, "-m", "tests.live.screenshots", INSIDE]
        return subprocess.run(command, env=environment, cwd=BASE_DIR, check=False).returncode


def inside(folder: Path) -> int:
    setup_test_environment()
    logging.disable(logging.WARNING)  # a line for each page
    folder.mkdir(parents=True, exist_ok=True)
    operator = fill()
    moment = time_machine.travel(NOW, tick=False)
    with moment, serving() as origin, tempfile.TemporaryDirectory() as profile:
        cookie = enter(operator).cookies[settings.SESSION_COOKIE_NAME].value
        with chromium(Path(profile)) as driver:
            driver.get(f"{origin}/admin/login/")
            driver.add_cookie(
                {"name": settings.SESSION_COOKIE_NAME, "value": cookie, "path": "/admin/"}
            )
            too_large = [file for file in take(driver, origin, folder) if is_too_large(file)]
    return 1 if too_large else 0


def take(driver: webdriver.Chrome, origin: str, folder: Path) -> Iterator[Path]:
    user = User.objects.get(email="chiara.montanari@mirador.example")
    pages = {
        "start": "/admin/",
        "list": "/admin/users/user/",
        "user": f"/admin/users/user/{user.pk}/change/",
        "import": f"/admin/users/import/{last_import().pk}/change/",
    }
    looks = [(name, scheme, DESK) for name in pages for scheme in SCHEMES]
    looks += [("start", "light", PHONE), ("list", "light", PHONE)]
    for name, scheme, size in looks:
        show_as(driver, scheme, size)
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        driver.get(f"{origin}{pages[name]}")
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        file = folder / f"{name}-{'phone' if size == PHONE else scheme}.png"
        file.write_bytes(base64.b64decode(shot["data"]))
        yield file


def is_too_large(file: Path) -> bool:
    size = file.stat().st_size
    sys.stdout.write(f"{file.relative_to(BASE_DIR)}: {size:,} bytes\n")
    return size > MOST_BYTES


@contextmanager
def serving() -> Iterator[str]:
    """Serve in this process, whose clock stands at another time, and lend the origin."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
