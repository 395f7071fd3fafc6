"""Lists are read from the replica while it is young; nothing else is, nor after one's own write."""

import math
import re
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.live.conftest import PASSWORD, Service, serving
from tests.machines.conftest import MAX_LAG, METRICS_TOKEN, PATIENCE, Machines
from tests.machines.engines import until

AGE = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"
LIST_IN_REPLICA = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FROM \"users\"%'"
    " AND pid <> pg_backend_pid()"
)


@pytest.fixture
def paused(machines: Machines) -> Iterator[Machines]:
    """Let the replica show what is so now and nothing later, and nobody have written lately."""
    tokens = [host.log_in()["access"] for host in machines.hosts]
    machines.forget_writes()
    until(lambda: all(map(is_read, machines.hosts, tokens)))
    machines.replica.ask("SELECT pg_wal_replay_pause()")
    until(lambda: machines.replica.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    yield machines
    machines.replica.ask("SELECT pg_wal_replay_resume()")


def is_read(host: Service, token: str) -> bool:
    """Tell whether this host reads lists from the replica, which it says whenever it changes."""
    assert host.call("GET", "/users", token=token).status == 200
    _, _, source = host.log.read_text().rpartition("lists are read from the ")
    return source.startswith("replica")


def new_administrator(host: Service, token: str) -> str:
    email = f"{secrets.token_hex(6)}@example.com"
    body = {"name": "New", "email": email, "password": PASSWORD, "client_id": None}
    answer = host.call("POST", "/users", body, token=token)
    assert answer.status == 201, answer.body
    return email


def found(host: Service, token: str, email: str) -> int:
    answer = host.call("GET", f"/users?email={email}", token=token)
    assert answer.status == 200, answer.body
    return int(answer.json["count"])


def total(host: Service, token: str) -> int:
    answer = host.call("GET", "/users", token=token)
    assert answer.status == 200, answer.body
    return int(answer.json["count"])


def test_others_see_a_write_when_the_replica_does_and_the_writer_at_once(paused: Machines) -> None:
    first, second = paused.hosts
    reader, writer = (second.log_in()["access"] for _ in range(2))
    paused.forget_writes()
    before = total(second, reader)

    email = new_administrator(first, writer)
    seen = {
        "reader, list": [total(host, reader) - before for host in paused.hosts],
        "reader, search": [found(host, reader, email) for host in paused.hosts],
        "writer, list": [total(host, writer) - before for host in paused.hosts],
        "writer, search": [found(host, writer, email) for host in paused.hosts],
    }

    assert seen == {
        "reader, list": [0, 0],
        "reader, search": [0, 0],
        "writer, list": [1, 1],
        "writer, search": [1, 1],
    }
    paused.replica.ask("SELECT pg_wal_replay_resume()")
    until(lambda: found(second, reader, email) == 1)
    assert paused.replica.ask(LIST_IN_REPLICA) >= 1


def test_exports_and_the_trail_are_read_there_too(paused: Machines) -> None:
    first, second = paused.hosts
    reader, writer = (second.log_in()["access"] for _ in range(2))
    paused.forget_writes()

    email = new_administrator(first, writer)

    for token, is_there in ((reader, False), (writer, True)):
        table = second.call("GET", "/users", token=token, Accept="text/csv")
        trail = second.call("GET", "/audit-events?event=user_created", token=token)
        assert (table.status, trail.status) == (200, 200)
        assert (email.encode() in table.body) is is_there
        assert (email.encode() in trail.body) is is_there


def test_who_may_and_single_rows_are_read_from_the_primary(paused: Machines) -> None:
    first, second = paused.hosts
    root, other = first.log_in()["access"], second.log_in()["access"]
    email = new_administrator(first, root)  # the replica has never heard of them
    session = second.log_in(email)["access"]
    paused.forget_writes()

    me = second.call("GET", "/users/current", token=session)
    row = second.call("GET", f"/users/{me.json['id']}", token=other)
    tag = row.headers["ETag"]
    assert (me.status, row.status, found(second, other, email)) == (200, 200, 0)

    path = f"/users/{me.json['id']}"
    changed = first.call("PATCH", path, {"name": "Newer"}, token=root, If_Match=tag)
    assert changed.status == 200, changed.body
    assert second.call("GET", path, token=other).json["name"] == "Newer"
    gone = first.call("PATCH", path, {"active": False}, token=root)
    assert gone.status == 200, gone.body
    assert [host.call("GET", "/users", token=session).status for host in paused.hosts] == [401] * 2


def test_replica_that_is_too_old_is_not_read_and_said_once(paused: Machines) -> None:
    first, second = paused.hosts
    reader, writer = (second.log_in()["access"] for _ in range(2))
    paused.forget_writes()
    told = second.log.read_text().count("not the replica")

    email = new_administrator(first, writer)
    until(lambda: found(second, reader, email) == 1, seconds=MAX_LAG + 10)
    age = paused.replica.ask(AGE)
    found(second, reader, email)

    assert age > MAX_LAG - 1  # so far it was read; it was measured once a second
    assert paused.replica.ask("SELECT pg_get_wal_replay_pause_state()") == "paused"
    assert second.log.read_text().count("not the replica") == told + 1
    assert lag(second) > MAX_LAG
    ready = second.call("GET", "/readyz")
    assert (ready.status, ready.json["status"], ready.json["checks"]["replica"]) == (
        200, "degraded", "late",
    )  # fmt: skip


def test_no_list_fails_while_the_replica_goes_and_comes(machines: Machines) -> None:
    tokens = [host.log_in()["access"] for host in machines.hosts]
    machines.forget_writes()
    until(lambda: all(map(is_read, machines.hosts, tokens)))
    is_over = Event()

    def read(host: Service, token: str) -> list[tuple[int, float]]:
        seen = []
        while not is_over.is_set():
            started = time.monotonic()
            status = host.call("GET", "/users?ordering=name", token=token).status
            seen.append((status, time.monotonic() - started))
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [
            pool.submit(read, *pair) for pair in [*zip(machines.hosts, tokens, strict=True)] * 2
        ]
        machines.replica.ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        machines.replica.stop()
        until(lambda: not any(map(is_read, machines.hosts, tokens)))
        machines.replica.start()
        until(lambda: all(map(is_read, machines.hosts, tokens)))
        is_over.set()
        seen = [one for reader in readers for one in reader.result()]

    assert {status for status, _ in seen} == {200}
    assert len(seen) > 50
    assert max(took for _, took in seen) < 5


def test_replica_that_stands_still_holds_nobody_for_long(machines: Machines) -> None:
    tokens = [host.log_in()["access"] for host in machines.hosts]
    machines.forget_writes()
    until(lambda: all(map(is_read, machines.hosts, tokens)))

    def read(number: int) -> tuple[int, float]:
        started = time.monotonic()
        host, token = machines.hosts[number % 2], tokens[number % 2]
        status = host.call("GET", "/users?ordering=name", token=token).status
        return status, time.monotonic() - started

    machines.replica.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(16) as pool:
            seen = [*pool.map(read, range(16))]
        later = [read(number) for number in range(4)]
    finally:
        machines.replica.signal(signal.SIGCONT)

    assert {status for status, _ in [*seen, *later]} == {200}
    assert max(took for _, took in seen) > PATIENCE / 2  # they did ask it
    assert max(took for _, took in [*seen, *later]) < PATIENCE * 2 + 5


def test_replica_of_another_database_is_never_read(machines: Machines, tmp_path: Path) -> None:
    machines.primary.ask("CREATE DATABASE other")
    until(lambda: machines.replica.ask("SELECT count(*) FROM pg_database WHERE datname = 'other'"))
    other = f"{machines.replica.url.rpartition('/')[0]}/other"
    log = tmp_path / "log"

    with serving(machines.environment | {"DATABASE_REPLICA_URL": other}, log) as service:
        assert total(service, service.log_in()["access"]) > 0
        assert service.call("GET", "/readyz").json["checks"]["replica"] == "late"

    assert "not the replica: it is a replica of something else" in log.read_text()


def test_a_host_is_ready_without_its_replica(machines: Machines) -> None:
    first, _ = machines.hosts
    token = first.log_in()["access"]
    machines.forget_writes()
    machines.replica.stop()
    try:
        until(lambda: not is_read(first, token))
        ready = first.call("GET", "/readyz")
        assert (ready.status, ready.json["checks"]["replica"]) == (200, "late")
        assert lag(first) == math.inf
    finally:
        machines.replica.start()
    until(lambda: is_read(first, token))
    assert first.call("GET", "/readyz").json["checks"]["replica"] == "ok"
    assert lag(first) <= MAX_LAG


def lag(host: Service) -> float:
    """Return what Prometheus is told."""
    answer = host.call("GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
    (value,) = re.findall(r"^roster_replica_lag_seconds (.*)$", answer.body.decode(), re.MULTILINE)
    return float(value)
