"""What was acknowledged stays, and what cannot be done is refused: short forms of `make faults`."""

import json
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

from config.server import STARTS
from tests.bench.servers import Server, is_ready, running as serving
from tests.bench.usage import tree
from tests.faults.database import Cluster, cluster, send
from tests.faults.load import (
    ACKNOWLEDGED,
    REFUSED,
    Call,
    Load,
    classify,
    creation,
    running as under,
    send as send_call,
    wait_for,
)
from tests.live.conftest import (
    BASE_DIR,
    PASSWORD,
    ROOT,
    Service,
    at_once,
    prepare,
)
from tests.mails import free_port
from tests.redis_server import HAS_REDIS, running_redis

IS_SQLITE = os.environ["DATABASE_URL"].startswith("sqlite")
MANY = 1000

pytestmark = pytest.mark.xdist_group("faults")
on_postgresql = pytest.mark.skipif(
    IS_SQLITE, reason="what happens to a PostgreSQL of its own, once, with the tests on it"
)
on_sqlite = pytest.mark.skipif(
    not IS_SQLITE, reason="what happens to SQLite's file, once, with the tests on it"
)

POST = (
    b"POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
)
SERVER = ["config.server", "--port"]


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as one:
        yield one


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults") / "db.sqlite3"


@pytest.fixture(scope="module")
def on_file(file: Path) -> dict[str, str]:
    return prepare(f"sqlite:///{file}")


@pytest.fixture(scope="module")
def environment(database: Cluster) -> dict[str, str]:
    return prepare(database.url)


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
def test_database_that_is_killed_and_started_again_fails_nobody(
    database: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        token = server.service.log_in()["access"]
        client = server.service.create_client(token)
        with under(Load(server.service, lambda: creation(token, client), threads=4)) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 10)
            database.kill()
            wait_for(lambda: load.count(REFUSED) > 10)
            database.start()
            ready = time.monotonic()
            wait_for(lambda: time.monotonic() > ready + 6)

        assert load.failures() == []
        assert {one.said for one in load.outcomes} == {"201", "503"}
        assert max(one.took for one in load.outcomes) < 10  # two where nothing else runs
        assert {one.kind for one in load.outcomes if one.began > ready + 5} == {ACKNOWLEDGED}
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
        assert 0.9 < took < 10
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
    assert max(one.took for one in outcomes) < 8  # what it would take if each one waited
    assert alive.said == "200"
    assert alive.took < 5


@on_sqlite
def test_all_that_was_acknowledged_is_there_after_the_service_is_killed(
    file: Path, on_file: dict[str, str], tmp_path: Path
) -> None:
    with serving("Roster", SERVER, on_file, tmp_path / "log", probe="/readyz") as server:
        token = server.service.log_in()["access"]
        client = server.service.create_client(token)
        load = Load(server.service, lambda: creation(token, client), most=MANY, threads=4)
        load.start()
        load.join()
        for pid in tree(server.pid):
            send(pid, signal.SIGKILL)

    again = serving("Roster", SERVER, on_file, tmp_path / "log", probe="/readyz")
    with again, sqlite3.connect(file) as connection:
        found = {email for (email,) in connection.execute("SELECT email FROM users")}

    assert load.count(ACKNOWLEDGED) >= MANY
    assert load.written() <= found


@on_sqlite
def test_told_to_stop_it_says_so_serves_on_and_finishes_what_has_begun(
    on_file: dict[str, str], tmp_path: Path
) -> None:
    environment = on_file | {"DRAIN_SECONDS": "2"}
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        service = server.service
        token = service.log_in()["access"]
        body = json.dumps({"name": "In flight"}).encode()
        with service.connect() as in_flight:
            in_flight.sendall(POST % (token.encode(), len(body), body[:5]))
            began = time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            wait_for(lambda: service.call("GET", "/readyz").status == 503)
            served = service.call("GET", "/users/current", token=token)
            drained = time.monotonic() - began
            wait_for(lambda: not is_listening(service))
            stopped = time.monotonic() - began
            in_flight.sendall(body[5:])
            answer = in_flight.recv(65536)
        wait_for(lambda: "see ya" in service.log.read_text())

    assert drained < 2 <= stopped
    assert (served.status, served.headers["Connection"]) == (200, "close")
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert time.monotonic() - began < 30


def is_listening(service: Service) -> bool:
    try:
        service.connect().close()
    except OSError:
        return False
    return True


@on_sqlite
def test_workers_that_are_killed_in_a_row_are_replaced(
    on_file: dict[str, str], tmp_path: Path
) -> None:
    environment = on_file | {"WEB_WORKERS": "1"}
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        took = [kill_worker(server)]
        time.sleep(STARTS)  # or it is one that cannot start
        took.append(kill_worker(server))
        said = server.service.log.read_text()

    assert max(took) < 20  # two where nothing else runs, as `make faults` has it
    assert said.count("Unexpected exit from worker-1") == 2


def kill_worker(server: Server) -> float:
    """Kill the only one, and return how long nobody was there."""
    (worker,) = tree(server.pid)[1:]
    os.kill(worker, signal.SIGKILL)
    return wait_for(lambda: is_ready(server.service, "/readyz"))


@on_sqlite
@pytest.mark.skipif(not HAS_REDIS, reason="needs redis-server")
def test_nobody_logs_in_while_the_counters_are_gone(
    on_file: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    environment = on_file | {"CACHE_URL": f"redis://127.0.0.1:{port}/0"}
    right = Call("POST", "/auth/login", {"email": ROOT, "password": PASSWORD})
    wrong = Call("POST", "/auth/login", {"email": ROOT, "password": "wrong"})
    with serving("Roster", SERVER, environment, tmp_path / "log", probe="/readyz") as server:
        with running_redis(tmp_path, port):
            token = server.service.log_in()["access"]
        gone = [send_call(server.service, call) for call in (right, wrong)]
        read = send_call(server.service, Call("GET", "/users/current", token=token))
        with running_redis(tmp_path, port):
            back = [send_call(server.service, call) for call in (right, wrong)]

    assert [(one.kind, one.said) for one in gone] == [(REFUSED, "503")] * 2
    assert max(one.took for one in gone) < 10
    assert read.said == "200"
    assert [one.said for one in back] == ["200", "401"]
