"""Behind PgBouncer in transaction mode everything works, with fewer connections than threads."""

import http.client
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.live.conftest import BASE_DIR, Service
from tests.machines.conftest import Machines, host
from tests.machines.engines import (
    NEWER_PGBOUNCER,
    PGBOUNCER,
    Postgres,
    keeps_statements,
    pgbouncer,
)

SIZE = 2  # connections of the server; of threads the host has eight
AT_ONCE = 12
POOLERS = {
    "nothing prepared": (PGBOUNCER, "?pgbouncer=true", ""),
    "prepared": (
        NEWER_PGBOUNCER,
        "?pgbouncer=true&server_side_binding=true",
        "max_prepared_statements = 100",
    ),
}


@dataclass(frozen=True)
class Pooled:
    """A web host behind a pooler."""

    kind: str
    server: Postgres
    url: str
    environment: dict[str, str]
    host: Service


@pytest.fixture(scope="module", params=POOLERS)
def pooled(
    request: pytest.FixtureRequest,
    machines: Machines,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pooled]:
    program, query, settings = POOLERS[request.param]
    if shutil.which(program) is None:
        pytest.skip("needs pgbouncer")
    if "max_prepared_statements" in settings and not keeps_statements(program):
        pytest.skip("needs PgBouncer 1.21 or later, which PGBOUNCER may name")
    log = tmp_path_factory.mktemp("pooled") / "log"
    with ExitStack() as stack:
        url = stack.enter_context(
            pgbouncer(machines.primary, size=SIZE, program=program, settings=settings)
        )
        environment = machines.environment | {"DATABASE_URL": url + query}
        running = stack.enter_context(host(environment, log))
        yield Pooled(request.param, machines.primary, url, environment, running)
    printed = log.read_text()
    assert "Traceback" not in printed, printed


def live(service: Service, token: str) -> None:
    """Do what callers do, each alone and all at once, and look whether it is so."""
    client_id = service.create_client(token)
    user = service.create_user(token, client_id=client_id)
    path, own = f"/users/{user['id']}", service.log_in(user["email"])

    made = service.call("GET", f"{path}?include=created_at", token=token)
    age = datetime.now(UTC) - datetime.fromisoformat(made.json["created_at"])
    assert timedelta(minutes=-1) < age < timedelta(minutes=5)  # whatever the server's time zone
    tag = made.headers["ETag"]
    assert service.call("PATCH", path, {"name": "Newer"}, token=token, If_Match=tag).status == 200
    assert service.call("PATCH", path, {"name": "X"}, token=token, If_Match=tag).status == 412
    for listed in (f"client_id={client_id}", f"email={user['email']}", f"search={user['email']}"):
        answer = service.call("GET", f"/users?{listed}", token=token)
        assert [row["name"] for row in answer.json["results"]] == ["Newer"], listed
    assert service.call("GET", "/users?cursor=&page_size=1", token=token).status == 200
    table = service.call("GET", f"/users?client_id={client_id}", token=token, Accept="text/csv")
    assert user["email"].encode() in table.body
    trail = service.call("GET", f"/audit-events?target={user['id']}", token=token)
    assert {event["event"] for event in trail.json["results"]} == {
        "user_created", "user_updated", "login",
    }  # fmt: skip
    renewed = service.call("POST", "/auth/refresh", {"refresh": own["refresh"]})
    assert renewed.status == 200
    assert service.call("PATCH", path, {"active": False}, token=token).status == 200
    assert service.call("GET", "/users/current", token=renewed.json["access"]).status == 401


def test_many_live_at_once_on_few_connections(pooled: Pooled) -> None:
    token = pooled.host.log_in()["access"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for job in [pool.submit(live, pooled.host, token) for _ in range(AT_ONCE)]:
            job.result()

    with psycopg.connect(pooled.url, autocommit=True) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%sessions%'"
        ).fetchone()
    assert kept is not None
    assert (kept[0] > 0) is (pooled.kind == "prepared")


def test_a_column_that_changes_under_prepared_statements_stops_nobody(pooled: Pooled) -> None:
    token = pooled.host.log_in()["access"]
    user = pooled.host.create_user(token, client_id=None)
    for length in (300, 255):
        assert pooled.host.call("GET", f"/users/{user['id']}", token=token).status == 200
        pooled.server.ask(f"ALTER TABLE users ALTER COLUMN name TYPE varchar({length})")

        for _ in range(2 * AT_ONCE):
            assert pooled.host.call("GET", f"/users/{user['id']}", token=token).status == 200


COMMANDS = """
import django
django.setup()
from django.core.management import call_command
for words in (
    ["migrate", "--verbosity", "0"], ["check", "--database", "default"], ["verify_audit"],
    ["recount_users"], ["purge_sessions"], ["export_users", "-"], ["dumpdata", "clients"],
    ["send_mails", "--once"], ["work", "--once"],
):
    call_command(*words)
"""


def test_commands_run_through_it(pooled: Pooled) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", COMMANDS], env=pooled.environment, cwd=BASE_DIR,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_imports_take_their_turns_through_it(pooled: Pooled) -> None:
    token, mark = pooled.host.log_in()["access"], secrets.token_hex(6)

    def bring(number: int) -> int:
        rows = (f"{mark}-{number}-{row}@example.com,N,administrator,yes" for row in range(50))
        connection = http.client.HTTPConnection("127.0.0.1", pooled.host.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
        body = "\n".join(["email,name,role,invite", *rows])
        try:
            connection.request("POST", "/users/import", body, headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            assert answer.status == 200, body[:500]
            return int(json.loads(body)["new"])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(bring, range(2))] == [50, 50]
