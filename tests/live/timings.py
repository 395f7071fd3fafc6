"""`make timings`: how long log-ins take, by what was wrong with them; exit status 1 if it shows."""

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import django
from django.apps import apps

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from tests.live.conftest import (
    PASSWORD,
    Service,
    empty_database,
    manage,
    prepare,
    serving,
)
from tests.timing import Times, gap, interleaved, is_even

TRIES = 200
TURNS = 3  # a busy machine gets more: what the service gives away shows in each of them
WARM_UP = 5  # tries of each kind before the clock counts: the workers load code, the caches fill
UNKNOWN = "unknown email"
RIGHT = "right password"  # to compare with: it opens a session and is no refusal


@dataclass(frozen=True)
class Kind:
    """What is typed, and the accounts of others that it is typed for."""

    typed: str = PASSWORD
    status: int = 401
    is_known: bool = True
    is_active: bool = True
    has_active_client: bool = True
    has_older_digest: bool = False


KINDS = {
    RIGHT: Kind(status=200),
    UNKNOWN: Kind(is_known=False),
    "wrong password": Kind(typed="wrong"),
    "inactive": Kind(is_active=False),
    "inactive, wrong password": Kind(typed="wrong", is_active=False),
    "inactive client": Kind(has_active_client=False),
    "older digest, wrong password": Kind(typed="wrong", has_older_digest=True),
    "older digest, inactive": Kind(is_active=False, has_older_digest=True),
}


def email_of(kind: str, number: int) -> str:
    """Return the address of one account of this kind; none is tried twice."""
    return f"{kind.replace(', ', ' ').replace(' ', '-')}-{number}@example.com"


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make timings", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help=f"of each kind ({TRIES})")
    tries = parser.parse_args(arguments).tries
    with tempfile.TemporaryDirectory() as folder, empty_database(Path(folder)) as url:
        environment = prepare(url)
        make_accounts(environment, TURNS * (WARM_UP + tries))
        with serving(environment, Path(folder) / "log") as service:
            return 0 if any(show(service, tries, turn) for turn in range(TURNS)) else 1


def show(service: Service, tries: int, turn: int) -> bool:
    """Measure, print the table, and tell whether it is even."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    say(f"{tries} log-ins of each kind, interleaved, one after the other.")
    took = measure(service, tries, first=turn * (WARM_UP + tries))
    say(f"{report(took)}\nLoad of the machine before: {load:.1f} on {cores} cores.\n")
    return is_even(refusals(took))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def make_accounts(environment: dict[str, str], number: int) -> None:
    manage(environment, "shell", "-c", f"from tests.live.accounts import make; make({number})")


def measure(service: Service, tries: int, *, first: int = 0) -> Times:
    """Return the seconds that each kind took from the call to the whole answer.

    Uses up `WARM_UP + tries` accounts of each kind, from the number `first` on.
    """
    numbers = {kind: count(first) for kind in KINDS}

    def of(kind: str) -> Callable[[], Callable[[], None]]:
        return lambda: partial(log_in, service, kind, next(numbers[kind]))

    calls = {kind: of(kind) for kind in KINDS}
    interleaved(calls, WARM_UP, time.perf_counter)
    return interleaved(calls, tries, time.perf_counter)


def log_in(service: Service, kind: str, number: int) -> None:
    body = {"email": email_of(kind, number), "password": KINDS[kind].typed}
    answer = service.call("POST", "/auth/login", body)
    if answer.status != KINDS[kind].status:
        raise RuntimeError(f"{kind}: {answer.status} {answer.body!r}")


def refusals(took: Times) -> Times:
    return {kind: times for kind, times in took.items() if kind != RIGHT}


def report(took: Times) -> str:
    """Return the table and what it shows."""
    unknown = median(took[UNKNOWN])
    lines = [f"{'kind':30} {'n':>5} {'median ms':>10} {'p95 ms':>8} {'to unknown':>11}"]
    for kind, times in took.items():
        middle, high = median(times), quantiles(times, n=20)[-1]
        numbers = f"{len(times):5} {middle * 1000:10.1f} {high * 1000:8.1f}"
        lines.append(f"{kind:30} {numbers} {middle / unknown:11.3f}")
    seconds, share = gap(refusals(took))
    verdict = "within 10 % or 10 ms" if is_even(refusals(took)) else "MORE THAN 10 % AND 10 ms"
    lines.append(f"Medians of refusals differ by {seconds * 1000:.1f} ms, {share:.1%}: {verdict}.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
