"""A production server on a database of its own, the load on it, and how to look inside."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.servers import Server, running
from tests.bench.usage import tree
from tests.faults.database import Cluster, cluster
from tests.faults.load import Call, Load, creation
from tests.live.conftest import Service, prepare

SERVER = ["config.server", "--port"]
WORKERS = 2
THREADS = 8  # of the load


@dataclass(frozen=True)
class Stage:
    """Everything that a fault is done to; `file` is SQLite's, where it is on that."""

    server: Server
    environment: dict[str, str]
    token: str
    client: int
    cluster: Cluster | None = None
    file: Path | None = None

    @property
    def service(self) -> Service:
        return self.server.service

    @property
    def postgresql(self) -> Cluster:
        assert self.cluster is not None
        return self.cluster

    def workers(self) -> list[int]:
        return tree(self.server.pid)[1:]

    def writes(self, *, most: float = float("inf"), threads: int = THREADS) -> Load:
        return Load(self.service, lambda: creation(self.token, self.client), threads, most)

    def mixed(self, *, threads: int = THREADS) -> Load:
        """Let every second request write and the others read."""
        turn = iter(range(10**9))

        def next_call() -> Call:
            if next(turn) % 2:
                return Call("GET", "/users/current", token=self.token)
            return creation(self.token, self.client)

        return Load(self.service, next_call, threads)

    def emails(self) -> set[str]:
        if self.cluster:
            return self.cluster.emails()
        assert self.file is not None
        with sqlite3.connect(self.file, timeout=20) as connection:
            return {email for (email,) in connection.execute("SELECT email FROM users")}

    def half_written(self) -> int:
        """Return how many users there are without the event and the mail of their creation."""
        asked = (
            "SELECT count(*) FROM users u WHERE u.email LIKE '________________@example.com' AND NOT"
            " (EXISTS (SELECT 1 FROM audit_events e WHERE e.event = 'user_created'"
            "  AND e.target_type = 'user' AND e.target_id = u.id)"
            " AND EXISTS (SELECT 1 FROM mails m WHERE m.user_id = u.id))"
        )
        with self.postgresql.connect() as connection:
            row = connection.execute(asked).fetchone()
        assert row is not None
        return int(str(row[0]))


@contextmanager
def on_postgresql(
    settings: Mapping[str, str] | None = None, *, data: Path | None = None, log: Path | None = None
) -> Iterator[Stage]:
    """Serve on a PostgreSQL of its own; `settings` are the environment's."""
    with cluster(data) as database:
        ours = {"WEB_WORKERS": f"{WORKERS}"} | dict(settings or {})
        environment = prepare(database.url) | ours
        with served(environment, log) as (server, token, client):
            yield Stage(server, environment, token, client, cluster=database)


@contextmanager
def on_sqlite(folder: Path | None = None) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        file = Path(made) / "db.sqlite3"
        ours = {"WEB_WORKERS": f"{WORKERS}"}
        environment = prepare(f"sqlite:///{file}") | ours
        with served(environment) as (server, token, client):
            yield Stage(server, environment, token, client, file=file)


@contextmanager
def served(
    environment: dict[str, str], log: Path | None = None
) -> Iterator[tuple[Server, str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        ours = os.environ | environment
        with running("Roster", SERVER, ours, log or Path(folder) / "log", probe="/readyz") as one:
            token = one.service.log_in()["access"]
            yield one, token, one.service.create_client(token)


def go_on(seconds: float, watch: Callable[[], None] = lambda: None) -> None:
    """Let the load run for so long, and look at something again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watch()
        time.sleep(0.2)
