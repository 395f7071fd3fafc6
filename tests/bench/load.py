"""`make bench`: the speed of Roster and of stock DRF; exit status 1 below a floor."""

import os
import secrets
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import django
from django.apps import apps
from django.conf import settings

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from tests.bench import usage
from tests.bench.cluster import postgresql
from tests.bench.servers import Figures, Server, load, running
from tests.live.conftest import NO_LIMITS, empty_database, manage

USERS, CLIENTS = 100_000, 100
CONNECTIONS = 16
WORKERS = 2
ROSTER, STOCK = "Roster", "stock DRF"
STARTS = 3
LEAST = {"GET /users/current": 2.3, "GET /users/:id": 2.1, "GET /users": 3.0}  # times less CPU
MOST_SECONDS = 2.0  # from start to ready
MOST_MEMORY = 120.0  # MB of a worker
MOST_GROWTH = 5.0  # MB of a worker in the second half: what the allocator keeps differs by three
READERS, FLOODING = 4, 64  # connections
MOST_TIMES = 4.0  # as long may reads take in a flood of log-ins
ADMINISTRATOR, USER = "admin@demo.example", "user1@demo.example"

Rounds = dict[tuple[str, str], list[Figures]]  # by call and server


@dataclass(frozen=True)
class Memory:
    """The MB of the largest worker after half of the requests, and after all."""

    half: float
    whole: float


@dataclass(frozen=True)
class Flood:
    """How many ms 95 of 100 reads take at most, alone and in a flood of log-ins."""

    idle: float
    flooded: float


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each call (3)")
    parser.add_argument("--seconds", type=int, default=4, help="of each round (4)")
    parser.add_argument("--users", type=int, default=USERS, help=f"in the database ({USERS:,})")
    parser.add_argument("--requests", type=int, default=100_000, help="for the memory (100,000)")
    options = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        sys.exit("The load comes from wrk, which is not here: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as url:
        say(f"Making {options.users:,} users ...")
        environment = prepare(url, options.users)
        log = Path(folder) / "roster.log"
        least = min(time_of_start(environment, log) for _ in range(STARTS))
        with roster(environment, log) as ours, stock(environment, Path(folder) / "log") as theirs:
            rounds = measure(ours, theirs, options.users, options.rounds, options.seconds)
            sums = {one.name: sum(usage.memory(one.pid)) for one in (ours, theirs)}
            say(table(rounds, sums))
            drowned = flood(ours, options.users, options.rounds, options.seconds)
            memory = remember(ours, options.requests)
        faults = judge(rounds, least, memory, drowned)
    say(f"\nFrom start to ready: {least:.1f} s. Largest worker after {options.requests:,} requests"
        f" more: {memory.whole:.0f} MB, half way: {memory.half:.0f} MB.")  # fmt: skip
    say(f"95 of 100 times GET /users/current took up to {drowned.idle:.1f} ms, and while {FLOODING}"
        f" connections logged in without pause {drowned.flooded:.1f} ms.")  # fmt: skip
    say(f"{usage.machine()}, load afterwards {os.getloadavg()[0]:.1f}; wrk and PostgreSQL on them.")
    say("\n".join(f"FLOOR: {fault}" for fault in faults) or "All floors hold.")
    return 1 if faults else 0


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Lend the URL of an empty database on PostgreSQL."""
    folder.chmod(0o755)  # PostgreSQL's user must come through
    place = folder / "cluster"
    place.mkdir()
    with postgresql(place) as url:
        os.environ["DATABASE_URL"] = url
        with empty_database(folder) as made:
            yield made


def prepare(url: str, users: int) -> dict[str, str]:
    """Fill the database and return the environment of both servers."""
    environment = os.environ | NO_LIMITS | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "WEB_WORKERS": str(WORKERS),
        "ACCESS_TOKEN_MINUTES": "120",
    }  # fmt: skip
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "seed_users", "--users", str(users), "--clients", str(CLIENTS))
    return environment


@contextmanager
def roster(environment: dict[str, str], log: Path) -> Iterator[Server]:
    command = ["config.server", "--port"]
    with running(ROSTER, command, environment, log, probe="/readyz") as server:
        yield server


@contextmanager
def stock(environment: dict[str, str], log: Path) -> Iterator[Server]:
    command = ["tests.bench.stock.server"]
    with running(STOCK, command, environment, log, probe="/users") as server:
        yield server


def time_of_start(environment: dict[str, str], log: Path) -> float:
    with roster(environment, log) as server:
        return server.took


def measure(ours: Server, theirs: Server, users: int, rounds: int, seconds: int) -> Rounds:
    """Ask both for the same, in turn, after a second of warming up; refresh and log in at ours."""
    took: Rounds = {}
    for server in (ours, theirs):
        check_answers(server)
    for call in LEAST:
        for server in (ours, theirs):
            load_call(server, call, 1)
        for _ in range(rounds):
            for server in (ours, theirs):
                took.setdefault((call, server.name), []).append(load_call(server, call, seconds))
    for _ in range(rounds):
        took.setdefault(("POST /auth/refresh", ROSTER), []).append(refresh(ours, seconds))
        took.setdefault(("POST /auth/login", ROSTER), []).append(log_in(ours, users, seconds))
    return took


def check_answers(server: Server) -> None:
    """Raise where the server does not give the users that the other gives, too."""
    token = server.service.log_in(ADMINISTRATOR, password())["access"]
    page = server.service.call("GET", "/users", token=token).json
    keys = {"id", "name", "email", "client"}
    if len(page["results"]) != 25 or any(set(user) != keys for user in page["results"]):
        raise RuntimeError(f"{server.name}: {page}")


def load_call(server: Server, call: str, seconds: int, connections: int = CONNECTIONS) -> Figures:
    email = USER if call == "GET /users/current" else ADMINISTRATOR
    token = server.service.log_in(email, password())["access"]
    path = call.removeprefix("GET ")
    if ":id" in path:
        users = server.service.call("GET", "/users", token=token).json["results"]
        path = path.replace(":id", str(users[-1]["id"]))
    return load(server, path, seconds, connections=connections, BENCH_TOKEN=token)


def refresh(server: Server, seconds: int) -> Figures:
    """Refresh sessions that are each used by one connection, so that each call is a rotation."""
    emails = [f"user{number}@demo.example" for number in range(1, CONNECTIONS + 1)]
    tokens = " ".join(server.service.log_in(email, password())["refresh"] for email in emails)
    return load(
        server,
        "/auth/refresh",
        seconds,
        connections=CONNECTIONS,
        threads=CONNECTIONS,
        BENCH_REFRESH=tokens,
    )


def log_in(server: Server, users: int, seconds: int, connections: int = CONNECTIONS) -> Figures:
    return load(
        server,
        "/auth/login",
        seconds,
        connections=connections,
        BENCH_USERS=str(users),
        BENCH_PASSWORD=password(),
    )


def flood(server: Server, users: int, rounds: int, seconds: int) -> Flood:
    """Let few read what is theirs, alone and while very many log in without pause."""
    idle, flooded = [], []
    for _ in range(rounds):
        idle.append(load_call(server, "GET /users/current", seconds, READERS).p95)
        with ThreadPoolExecutor(1) as others:
            logging_in = others.submit(log_in, server, users, seconds + 3, FLOODING)
            time.sleep(1)  # until the queue is full
            flooded.append(load_call(server, "GET /users/current", seconds, READERS).p95)
            logging_in.result()
    return Flood(median(idle), median(flooded))


def password() -> str:
    return (settings.VAR_DIR / "demo_password").read_text()


def remember(server: Server, requests: int) -> Memory:
    """Ask for the three pages until there were so many requests."""
    at, done = [], 0
    for goal in (requests / 2, requests):
        while done < goal:
            for call in LEAST:
                done += load_call(server, call, 2).count
        at.append(max(usage.memory(server.pid)[1:]))
    return Memory(*at)


def table(rounds: Rounds, sums: dict[str, float]) -> str:
    """Return the medians of the rounds in Markdown, and what stock DRF takes for one of ours."""
    lines = ["| call | server | requests/s | p50 ms | p99 ms | CPU ms/request | memory MB |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for (call, server), figures in rounds.items():
        one = middle(figures)
        shown = f"{one.requests:.0f} | {one.p50:.1f} | {one.p99:.1f} | {one.cpu:.2f}"
        lines.append(f"| `{call}` | {server} | {shown} | {sums[server]:.0f} |")
        if server == STOCK:
            ours = middle(rounds[call, ROSTER])
            shown = " | ".join(
                f"{getattr(one, name) / getattr(ours, name):.2f}"
                for name in ("requests", "p50", "p99", "cpu")
            )
            lines.append(f"| | stock ÷ Roster | {shown} | {sums[STOCK] / sums[ROSTER]:.2f} |")
    return "\n".join(lines)


def middle(figures: list[Figures]) -> Figures:
    """Return the medians of the rounds."""
    return Figures(
        median(one.requests for one in figures),
        median(one.p50 for one in figures),
        median(one.p99 for one in figures),
        median(one.cpu for one in figures),
        sum(one.count for one in figures),
    )


def judge(rounds: Rounds, least: float, memory: Memory, drowned: Flood) -> list[str]:
    """Return what does not hold."""
    faults = []
    for call, floor in LEAST.items():
        ratio = middle(rounds[call, STOCK]).cpu / middle(rounds[call, ROSTER]).cpu
        if ratio < floor:
            faults.append(f"{call} takes {ratio:.1f} times less CPU than stock, not {floor:.1f}")
    if least >= MOST_SECONDS:
        faults.append(f"ready after {least:.1f} s")
    if memory.whole > MOST_MEMORY:
        faults.append(f"a worker takes {memory.whole:.0f} MB")
    if memory.whole - memory.half > MOST_GROWTH:
        faults.append(f"a worker grew from {memory.half:.0f} to {memory.whole:.0f} MB")
    if drowned.flooded > MOST_TIMES * drowned.idle:
        faults.append(
            f"reads took {drowned.flooded / drowned.idle:.1f} times as long in a flood of log-ins"
        )
    return faults


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
