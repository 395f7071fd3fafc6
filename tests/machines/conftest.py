"""Two web hosts on one PostgreSQL behind a pooler, its replica, and one Redis."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.conftest import (
    BASE_DIR,
    Service,
    prepare,
    serving,
    wait_until_ready,
    with_limits,
)
from tests.machines.engines import HAS_SERVERS, PGBOUNCER, Postgres, pgbouncer, replicated
from tests.mails import free_port
from tests.redis_server import HAS_REDIS, running_redis

MAX_LAG = 8  # seconds
METRICS_TOKEN = "read-by-prometheus-alone"
PATIENCE = 2  # seconds for an answer of the replica


SERVERS = pytest.mark.skipif(
    os.environ["DATABASE_URL"].startswith("sqlite") or not HAS_SERVERS,
    reason="once, with the tests on PostgreSQL, whose programs must be here",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all of these run in one process: each has a hold of many."""
    for item in items:
        if "tests/machines/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("machines"))
            item.add_marker(SERVERS)


@dataclass(frozen=True)
class Machines:
    """What runs; `hosts` share everything but their port."""

    primary: Postgres
    replica: Postgres
    environment: dict[str, str]
    hosts: tuple[Service, Service]

    def forget_writes(self) -> None:
        """Let it be an hour since anybody wrote."""
        self.primary.ask("UPDATE sessions SET wrote_at = wrote_at - interval '1 hour'")


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    if not (HAS_REDIS and shutil.which(PGBOUNCER)):
        pytest.skip("needs redis-server and pgbouncer")
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        primary, replica = stack.enter_context(replicated())
        pooled = stack.enter_context(pgbouncer(primary, size=3))
        environment = with_limits(prepare(f"{pooled}?pgbouncer=true")) | {
            "DATABASE_REPLICA_URL": f"{replica.url}?answer_timeout={PATIENCE}",
            "REPLICA_MAX_LAG_SECONDS": str(MAX_LAG),
            "CACHE_URL": stack.enter_context(running_redis(folder)),
            "METRICS_TOKEN": METRICS_TOKEN,
            "WEB_WORKERS": "1",
        }
        hosts = (
            stack.enter_context(serving(environment, folder / "host-1.log")),
            stack.enter_context(serving(environment, folder / "host-2.log")),
        )
        yield Machines(primary, replica, environment, hosts)


@contextmanager
def host(environment: dict[str, str], log: Path, *, folder: Path = BASE_DIR) -> Iterator[Service]:
    """Run a web host whose database may go away, which it says with a traceback."""
    port = free_port()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.server", "--port", str(port)],
            env=environment, cwd=folder, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
    service = Service(port, log)
    try:
        wait_until_ready(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(timeout=40)
