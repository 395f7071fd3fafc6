"""What was acknowledged stays, and what cannot be done is refused: short forms of `make faults`."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.bench.servers import running as serving
from tests.bench.usage import tree
from tests.faults.database import Cluster, cluster, send
from tests.faults.load import (
    ACKNOWLEDGED,
    REFUSED,
    Call,
    Load,
    classify,
    creation,
    send as send_call,
)
from tests.live.conftest import BASE_DIR, NO_LIMITS, at_once, prepare

IS_SQLITE = os.environ["DATABASE_URL"].startswith("sqlite")
MANY = 1000

pytestmark = pytest.mark.xdist_group("faults")
on_postgresql = pytest.mark.skipif(IS_SQLITE, reason="needs PostgreSQL")
on_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="for SQLite")

SERVER = ["config.server", "--port"]


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as one:
        yield one


@pytest.fixture(scope="module")
def environment(database: Cluster) -> dict[str, str]:
    return prepare(database.url) | NO_LIMITS


@on_postgresql
def test_all_that_was_acknowledged_is_there_after_the_database_is_killed(
    database: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        token = server.service.log_in()["access"]
        client = server.service.create_client(token)
        load = Load(server.service, lambda: creation(token, client), most=MANY, threads=4)
        load.start()
        load.join()
        database.kill()
        database.start()

        assert load.count(ACKNOWLEDGED) >= MANY
        assert load.written() <= database.emails()


@on_postgresql
def test_statement_that_takes_too_long_is_ended_and_answered_503(
    database: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    limited = environment | {"STATEMENT_TIMEOUT": "1"}
    with serving("Roster", SERVER, limited, tmp_path / "log", probe="/readyz") as server:
        token = server.service.log_in()["access"]
        with database.connect() as other, other.transaction():
            other.execute("LOCK TABLE users")
            began = time.monotonic()
            refused = server.service.call("GET", "/users/current", token=token)
            took = time.monotonic() - began

        assert classify(refused) == REFUSED
        assert refused.status == 503
        assert 0.9 < took < 3
        assert server.service.call("GET", "/users/current", token=token).status == 200
        assert "statement timeout" in server.service.log.read_text()


@on_postgresql
def test_commands_take_as_long_as_they_take(environment: dict[str, str]) -> None:
    asked = (
        "from django.db import connection as c;"
        " print(c.cursor().execute('SHOW statement_timeout').fetchone())"
    )
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", asked]
    ended = subprocess.run(
        command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "('0',)"


@on_postgresql
def test_database_that_does_not_answer_holds_nobody_up(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # which accepts, and says nothing
        url = f"postgres://roster@127.0.0.1:{silent.getsockname()[1]}/none"
        ours = environment | {"DATABASE_URL": url}
        with serving("Roster", SERVER, ours, tmp_path / "log", probe="/livez") as server:
            asked = [
                Call("GET", "/readyz"),
                *[Call("POST", "/auth/refresh", {"refresh": "x"})] * 63,
            ]
            outcomes = at_once(*[partial(send_call, server.service, call) for call in asked])
            alive = send_call(server.service, Call("GET", "/livez"))

    assert {one.said for one in outcomes} == {"503"}
    assert max(one.took for one in outcomes) < 5
    assert alive.said == "200"
    assert alive.took < 1


@on_sqlite
def test_all_that_was_acknowledged_is_there_after_the_service_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    environment = prepare(f"sqlite:///{file}") | NO_LIMITS
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        token = server.service.log_in()["access"]
        client = server.service.create_client(token)
        load = Load(server.service, lambda: creation(token, client), most=MANY, threads=4)
        load.start()
        load.join()
        for pid in tree(server.pid):
            send(pid, signal.SIGKILL)

    again = serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz")
    with again, sqlite3.connect(file) as connection:
        found = {email for (email,) in connection.execute("SELECT email FROM users")}

    assert load.count(ACKNOWLEDGED) >= MANY
    assert load.written() <= found
