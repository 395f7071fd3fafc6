"""An upgrade host by host: old and new serve side by side, the tables change under both."""

import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Lock
from typing import Any

import psycopg
import pytest

from tests.live.conftest import BASE_DIR, PASSWORD, ROOT, Service
from tests.machines.conftest import Machines, host
from tests.machines.engines import until

USERS = 100_000
CLIENTS = 4  # that call all the time
LONGEST = 1.0  # second that anybody may wait for a lock
APPS = ("config", "users", "clients")
MIGRATIONS = ("users/migrations", "clients/migrations", "config/*/migrations")
MANY = """
    INSERT INTO users (name, email, password_digest, client_id, active, created_at, updated_at)
    SELECT 'User ' || n, 'user' || n || '@many.example', '!', NULL, true, now(), now()
    FROM generate_series(1, %s) AS n
"""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Return a tree of the version before the newest migration, from the repository's history."""
    try:
        archive = git("archive", version_before())
    except (subprocess.CalledProcessError, OSError, LookupError):
        pytest.skip("needs git, and the history up to the commit before the newest migration")
    tree = tmp_path / "before"
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree


def version_before() -> str:
    """Return the newest commit that lacks some of the migrations there are, and has no other.

    One may have been renamed on its way here: who has run it as it was called is nobody's past.
    """
    files = (file for app in APPS for file in (BASE_DIR / app).rglob("migrations/*.py"))
    present = {file.relative_to(BASE_DIR).as_posix() for file in files}
    for commit in git("log", "--format=%H", "--", *MIGRATIONS).decode().split():
        names = git("ls-tree", "-r", "--name-only", f"{commit}^", *APPS).decode().split()
        if {name for name in names if "/migrations/" in name} < present:
            return f"{commit}^"
    raise LookupError


def git(*arguments: str) -> bytes:
    command = ["git", "-C", str(BASE_DIR), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def manage(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    finished = subprocess.run(
        [sys.executable, "manage.py", *arguments], env=environment, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture
def environment(machines: Machines) -> Iterator[dict[str, str]]:
    """Lend the environment of hosts with an empty database of their own."""
    url = machines.primary.url.replace("/postgres", "/rolling")
    machines.primary.ask("CREATE DATABASE rolling")
    yield {
        name: value
        for name, value in machines.environment.items()
        if name not in ("DATABASE_REPLICA_URL", "REPLICA_MAX_LAG_SECONDS")
    } | {"DATABASE_URL": url}
    machines.primary.ask("DROP DATABASE rolling WITH (FORCE)")


class Balancer:
    """Clients that call whichever hosts are `in turn`, until `end`; counts what they were told."""

    def __init__(self, hosts: list[Service]) -> None:
        self.hosts = [*hosts]
        self.told: Counter[tuple[str, int]] = Counter()
        self.made: list[str] = []
        self._lock = Lock()
        self._under_way: Counter[int] = Counter()  # by port
        self._is_over = Event()
        self._turns = itertools.count()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._jobs = [self._pool.submit(self._live, number) for number in range(CLIENTS)]

    def call(self, what: str, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            one = self.hosts[next(self._turns) % len(self.hosts)]
            self._under_way[one.port] += 1
        try:
            answer = one.call(*arguments, **options)
        except OSError:
            self.told[what, 0] += 1
            raise
        else:
            self.told[what, answer.status] += 1
            return answer
        finally:
            with self._lock:
                self._under_way[one.port] -= 1

    def replace(self, old: Service, new: Service) -> None:
        """Send nothing to `old` any more, and wait until it has answered what it was asked."""
        with self._lock:
            self.hosts[self.hosts.index(old)] = new
        until(lambda: not self._under_way[old.port])

    def end(self) -> None:
        self._is_over.set()
        for job in self._jobs:
            job.result()
        self._pool.shutdown()

    def _live(self, number: int) -> None:
        known = {"email": ROOT, "password": PASSWORD}
        tokens = self.call("login", "POST", "/auth/login", known).json
        for turn in itertools.count():
            if self._is_over.is_set():
                return
            token, email = tokens["access"], f"c{number}-{turn}@example.com"
            body = {"name": "N", "email": email, "client_id": None, "invite": True}
            made = self.call("create", "POST", "/users", body, token=token)
            self.made.append(email)
            path = f"/users/{made.json['id']}"
            self.call("update", "PATCH", path, {"name": f"N {turn}"}, token=token)
            self.call("list", "GET", "/users?ordering=-created_at", token=token)
            self.call("search", "GET", f"/users?search={email}", token=token)
            self.call("current", "GET", "/users/current", token=token)
            self.call("trail", "GET", "/audit-events?page_size=5", token=token)
            tokens = self.call(
                "refresh", "POST", "/auth/refresh", {"refresh": tokens["refresh"]}
            ).json


def longest_wait(url: str, is_over: Event) -> float:
    """Return for how many seconds somebody has waited for a lock at most, looking all the time."""
    longest = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        while not is_over.is_set():
            row = connection.execute(
                "SELECT extract(epoch FROM max(clock_timestamp() - query_start))"
                " FROM pg_stat_activity WHERE datname = 'rolling' AND wait_event_type = 'Lock'"
                " AND wait_event = 'relation'"
            ).fetchone()
            longest = max(longest, float((row and row[0]) or 0))
            time.sleep(0.01)
    return longest


def test_no_call_fails_while_hosts_are_replaced_one_by_one(
    before: Path,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manage(before, environment, "migrate", "--verbosity", "0")
    manage(before, environment, "createsuperuser", "--noinput")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(MANY, [USERS])
    with ExitStack() as new, ExitStack() as old:
        first, second = (
            old.enter_context(host(environment, tmp_path / f"old-{number}.log", folder=before))
            for number in (1, 2)
        )
        balancer, is_migrated = Balancer([first, second]), Event()
        with ThreadPoolExecutor(1) as pool:
            waited = pool.submit(longest_wait, environment["DATABASE_URL"], is_migrated)
            try:
                until(lambda: balancer.told["refresh", 200] > 3)
                manage(BASE_DIR, environment, "migrate", "--verbosity", "0")
            finally:
                is_migrated.set()
        balancer.replace(first, new.enter_context(host(environment, tmp_path / "new-1.log")))
        seen = balancer.told["refresh", 200]
        until(lambda: balancer.told["refresh", 200] > seen + 6)  # old and new side by side
        balancer.replace(second, new.enter_context(host(environment, tmp_path / "new-2.log")))
        old.close()
        seen = balancer.told["refresh", 200]
        until(lambda: balancer.told["refresh", 200] > seen + 6)
        balancer.end()
        manage(BASE_DIR, environment, "verify_audit")
        with psycopg.connect(environment["DATABASE_URL"]) as connection:
            kept = {email for (email,) in connection.execute("SELECT email FROM users")}

    with capsys.disabled():
        calls, wait = balancer.told.total(), waited.result()
        print(f"\n{calls} calls, longest wait for a lock {wait:.3f} s")  # noqa: T201 # for the record
    assert {status for _, status in balancer.told} <= {200, 201}, balancer.told
    assert set(balancer.made) <= kept
    assert waited.result() < LONGEST
