"""`make page-times`: how long the pages of the operators' site take with a million users."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import django
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext, setup_test_environment

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from tests.admin_site import enter
from tests.live.conftest import BASE_DIR, PASSWORD, ROOT, empty_database, prepare
from tests.live.many import fill
from tests.live.pages import pages
from users.models import User

USERS = 1_000_000
TRIES = 5
MOST = 1.0  # second for a page
INSIDE = "--inside"  # the process whose settings name the database made for this


@dataclass(frozen=True)
class Time:
    """What one page took, in seconds, and how many queries it made."""

    page: str
    took: list[float]
    queries: int


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make page-times", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS, help=f"how many ({USERS})")
    parser.add_argument("--tries", type=int, default=TRIES, help=f"of each page ({TRIES})")
    parser.add_argument(INSIDE, action="store_true", help="in the database of the environment")
    options = parser.parse_args(arguments)
    if options.inside:
        return inside(options.users, options.tries)
    with tempfile.TemporaryDirectory() as folder, empty_database(Path(folder)) as url:
        environment = prepare(url) | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_URL": url,
        }
        command = [sys.executable, "-m", "tests.live.page_times", *arguments, INSIDE]
        return subprocess.run(command, env=environment, cwd=BASE_DIR, check=False).returncode


def inside(users: int, tries: int) -> int:
    setup_test_environment()
    logging.disable(logging.INFO)  # a line for each page
    say(f"Making {users:,} users on {connection.vendor} ...")
    fill(users)
    times = measure(tries)
    say(report(times))
    return 0 if all(max(time.took) < MOST for time in times) else 1


def measure(tries: int) -> list[Time]:
    """Open each page once to warm up, then `tries` times, and once more to count its queries."""
    browser = enter(User.objects.get(email=ROOT), PASSWORD)
    times = []
    for name, path in pages(browser):

        def call(path: str = path) -> float:
            started = time.perf_counter()
            answer = browser.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code}")
            return time.perf_counter() - started

        call()
        took = [call() for _ in range(tries)]
        with CaptureQueriesContext(connection) as seen:
            call()
        times.append(Time(name, took, len(seen)))
    return times


def report(times: list[Time]) -> str:
    lines = [f"{'page':44} {'median ms':>10} {'most ms':>8} {'queries':>8}"]
    for one in times:
        numbers = f"{median(one.took) * 1000:10.0f} {max(one.took) * 1000:8.0f} {one.queries:8}"
        lines.append(f"{one.page:44} {numbers}{'' if max(one.took) < MOST else '  TOO LONG'}")
    slow = sum(max(one.took) >= MOST for one in times)
    load, cores = os.getloadavg()[0], os.cpu_count()
    lines.append(
        f"Pages over {MOST:.0f} s: {slow}. Load of the machine: {load:.1f} on {cores} cores."
    )
    return "\n".join(lines)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
