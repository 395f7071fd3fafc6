"""/livez, /healthz and /readyz."""

import asyncio
import os
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from config import draining
from tests.mails import free_port
from users.models import Mail

# Or a probe that waits would do so for ever.
LOCKS_LEAVE = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/livez/"])
def test_lives_without_asking_the_database(path: str, anonymous: APIClient, db: None) -> None:
    with CaptureQueriesContext(connection) as seen:
        answer = anonymous.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert len(seen) == 0


def test_is_ready_with_all_migrations(anonymous: APIClient, db: None) -> None:
    answer = anonymous.get("/readyz")

    assert answer.status_code == 200
    checks = {"database": "ok", "migrations": "ok", "mail": "ok"}
    assert answer.json() == {"status": "ok", "checks": checks}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("minutes", "status", "mail"), [(14, "ok", "ok"), (16, "degraded", "late")]
)
def test_serves_on_while_mails_are_late(
    minutes: int, status: str, mail: str, anonymous: APIClient, db: None
) -> None:
    written = timezone.now() - timedelta(minutes=minutes)
    due = timezone.now() + timedelta(minutes=9)  # as after a try that failed
    Mail.objects.create(
        kind="password_reset", recipient="a@example.com", created_at=written, due_at=due
    )

    answer = anonymous.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert answer.json()["checks"]["mail"] == mail


def test_serves_on_where_nobody_can_say_how_mails_are(anonymous: APIClient, db: None) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if '"mails"' in sql:
            raise OperationalError
        return execute(sql, *args)

    with connection.execute_wrapper(fail):
        answer = anonymous.get("/readyz")

    checks = {"database": "ok", "migrations": "ok", "mail": "unknown"}
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "checks": checks})


def test_says_whether_the_counters_of_failed_log_ins_are_there(
    anonymous: APIClient, db: None, redis_url: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHE_URL = redis_url
    there = anonymous.get("/readyz").json()
    settings.CACHE_URL = f"redis://127.0.0.1:{free_port()}"
    away = anonymous.get("/readyz")
    login = anonymous.post("/auth/login", {"email": "a@example.com", "password": "wrong"})

    assert (there["status"], there["checks"]["counters"]) == ("ok", "ok")
    assert (away.status_code, away.json()["status"]) == (200, "degraded")
    assert away.json()["checks"]["counters"] == "away"
    assert login.status_code == 503
    assert "counters unavailable: StoreAway" in caplog.text
    assert "database unavailable" not in caplog.text


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets everybody read")
def test_a_locked_table_neither_holds_the_probe_nor_ends_the_service(
    anonymous: APIClient, db: None
) -> None:
    with psycopg.connect(**parameters(), options=LOCKS_LEAVE) as other:
        other.execute("LOCK TABLE mails IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        answer = anonymous.get("/readyz")
        taken = time.monotonic() - began

    assert (answer.status_code, answer.json()["checks"]["mail"]) == (200, "unknown")
    assert taken < 3


def parameters() -> dict[str, Any]:
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = connection.settings_dict
    return {"dbname": given["NAME"], **{ours: given[its] for ours, its in names.items()}}


def test_asks_little(anonymous: APIClient, db: None) -> None:
    anonymous.get("/readyz")

    with CaptureQueriesContext(connection) as seen:
        anonymous.get("/readyz")

    # Whether it answers; whether there is a table of migrations, and which; the oldest mail.
    asked = [
        query["sql"]
        for query in seen
        if query["sql"].startswith("SELECT") or "FROM" in query["sql"]
    ]
    assert len(asked) == 4
    # The last two with a limit of their own: a transaction each that begins, sets it and ends.
    assert len(seen) - len(asked) == (6 if connection.vendor == "postgresql" else 0)


def test_is_not_ready_while_a_migration_is_to_be_applied(anonymous: APIClient, db: None) -> None:
    MigrationRecorder(connection).record_unapplied("users", "0001_initial")

    answer = anonymous.get("/readyz")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert "0001" not in answer.content.decode()
    assert anonymous.get("/livez").status_code == 200


def test_is_not_ready_without_database(
    anonymous: APIClient, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: CursorWrapper, *args: Any, **kwargs: Any) -> None:
        raise OperationalError("could not connect to /run/secret")

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", fail)
        patch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", fail)
        ready, live = anonymous.get("/readyz"), anonymous.get("/livez")

    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.json()["code"] == "unavailable"
    assert "secret" not in ready.content.decode()


def test_is_not_ready_before_it_stops(anonymous: APIClient, db: None) -> None:
    async def tell() -> None:
        loop = asyncio.get_running_loop()
        draining.listen(loop)
        os.kill(os.getpid(), draining.SIGNAL)
        await asyncio.sleep(0)  # the loop hears of it

    assert anonymous.get("/readyz").status_code == 200
    asyncio.run(tell())
    try:
        assert anonymous.get("/readyz").status_code == 503
        assert anonymous.get("/livez").status_code == 200
    finally:
        draining._is_told.clear()


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz/"])
def test_probes_may_name_any_host(anonymous: APIClient, path: str, db: None) -> None:
    assert anonymous.get(path, HTTP_HOST="10.1.2.3:8000").status_code == 200
    assert anonymous.get("/", HTTP_HOST="10.1.2.3:8000").status_code == 400
