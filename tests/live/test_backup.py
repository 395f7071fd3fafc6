"""A backup made at work, put back elsewhere, and served from there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from tests.live.conftest import (
    BASE_DIR,
    Service,
    empty_database,
    prepare,
    serving,
)

pytestmark = pytest.mark.xdist_group("live")
HANDS = 4
BEFORE, AFTER = 40, 40  # users made before the backup begins, and after it has ended


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def well(environment: dict[str, str], *arguments: str) -> str:
    ended = manage(environment, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@contextmanager
def hands_at_work(service: Service, token: str) -> Iterator[list[dict[str, Any]]]:
    """Let users be made and changed all the while; lend the list of those acknowledged."""
    made: list[dict[str, Any]] = []
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            user = service.create_user(token, client_id=None)
            body = {"name": f"{user['name']} changed"}
            answer = service.call("PUT", f"/users/{user['id']}", body, token=token)
            assert answer.status == 200, answer.body
            made.append(answer.json)

    with ThreadPoolExecutor(HANDS) as pool:
        working = [pool.submit(work) for _ in range(HANDS)]
        try:
            yield made
        finally:
            stop.set()
            for hand in working:
                hand.result()


def wait_for(claim: Callable[[], bool]) -> None:
    stop = Event()
    while not claim() and not stop.wait(0.01):
        pass


def test_made_under_load_it_is_whole_and_serves_elsewhere(tmp_path: Path) -> None:
    backup = tmp_path / "roster.backup"
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    with empty_database(tmp_path / "here") as here, empty_database(tmp_path / "there") as there:
        ours = prepare(here)
        with serving(ours, tmp_path / "log") as service:
            token = service.log_in()["access"]
            with hands_at_work(service, token) as made:
                wait_for(lambda: len(made) >= BEFORE)
                before = list(made)
                well(ours, "backup", str(backup))
                after = len(made)
                wait_for(lambda: len(made) >= after + AFTER)
            users_now = everybody(service, token)

        theirs = ours | {"DATABASE_URL": there}
        well(theirs, "restore", str(backup))

        assert well(theirs, "check", "--database", "default").startswith("System check identified")
        assert well(theirs, "verify_audit").startswith("No faults.")
        with serving(theirs, tmp_path / "log2") as service:
            token = service.log_in()["access"]
            users_then = everybody(service, token)
            created, updated = (events(service, token, f"user_{act}") for act in ACTS)
            # Life goes on: ids are not given twice.
            newest = service.create_user(token, client_id=None)

        # Whoever was acknowledged before it began is there as they were, and nobody else's half.
        assert {row["id"]: row for row in before}.items() <= users_then.items()
        assert users_then.keys() <= users_now.keys()
        assert newest["id"] > max(users_then)
        # An act and its event are there together or neither is.
        changed = {n for n, row in users_then.items() if row["name"].endswith(" changed")}
        assert updated == changed
        assert created == users_then.keys()


ACTS = ("created", "updated")


def everybody(service: Service, token: str) -> dict[int, dict[str, Any]]:
    path = "/users?cursor=&page_size=100"
    found: dict[int, dict[str, Any]] = {}
    while path:
        answer = service.call("GET", path, token=token).json
        found |= {row["id"]: row for row in answer["results"]}
        path = (answer["next"] or "").removeprefix(service.origin)
    return found


def events(service: Service, token: str, event: str) -> set[int]:
    """Return whom the events of this name were about."""
    found: set[int] = set()
    path = f"/audit-events?event={event}&page_size=100"
    while path:
        answer = service.call("GET", path, token=token).json
        found |= {row["target"]["id"] for row in answer["results"]}
        path = (answer["next"] or "").removeprefix(service.origin)
    return found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with empty_database(tmp_path_factory.mktemp("ours")) as url:
        yield prepare(url)


@pytest.fixture(scope="module")
def backup(ours: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "roster.backup"
    well(ours, "backup", str(file))
    return file


def test_is_for_its_owner_alone_and_put_back_into_an_empty_database_alone(
    ours: dict[str, str], backup: Path
) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600

    refused = manage(ours, "restore", str(backup))

    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: The database is not empty")
    assert well(ours, "check", "--database", "default").startswith("System check identified")


@pytest.mark.parametrize(
    ("share", "end", "reasons"),
    [
        (0.5, b"", ("damaged", "end of file")),
        (0.0, b"", ("This is no backup.",)),
        (0.0, b"CREATE TABLE users;\n", ("This is no backup.",)),
        (0.0, b"SQLite format 3\0" + bytes(range(256)) * 32, ("damaged", "is a backup of")),
        (0.0, b"PGDMP" + bytes(range(256)) * 32, ("pg_restore: error", "is a backup of")),
    ],
    ids=["half", "empty", "SQL", "forged SQLite", "forged PostgreSQL"],
)
def test_nothing_is_put_back_of_what_is_no_backup(
    share: float,
    end: bytes,
    reasons: tuple[str, ...],
    ours: dict[str, str],
    backup: Path,
    tmp_path: Path,
) -> None:
    whole, broken = backup.read_bytes(), tmp_path / "broken.backup"
    broken.write_bytes(whole[: int(len(whole) * share)] + end)
    with empty_database(tmp_path) as there:
        theirs = ours | {"DATABASE_URL": there}

        refused = manage(theirs, "restore", str(broken))

        assert refused.returncode == 1
        assert refused.stderr.startswith("CommandError: "), refused.stderr
        assert any(reason in refused.stderr for reason in reasons), refused.stderr
        well(theirs, "restore", str(backup))  # nothing has been made that would be in the way


def test_what_stands_there_is_kept_where_none_can_be_made(
    ours: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "roster.backup"
    kept.write_bytes(b"of yesterday")
    away = ours | {"DATABASE_URL": "postgres://u:very-secret@127.0.0.1:9/none"}

    refused = manage(away, "backup", str(kept))

    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: "), refused.stderr
    assert "very-secret" not in refused.stdout + refused.stderr
    assert kept.read_bytes() == b"of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="it is over too soon")
def test_a_backup_that_is_ended_leaves_nothing_and_nobody(
    ours: dict[str, str], tmp_path: Path
) -> None:
    url = ours["DATABASE_URL"]
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as other:
        holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")

        def is_made() -> bool:
            dumps = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump'"
            mine = " AND datname = current_database()"
            return other.execute(f"{dumps}{mine}".encode()).fetchone() is not None

        command = [sys.executable, "manage.py", "backup", str(tmp_path / "roster.backup")]
        process = subprocess.Popen(command, env=ours, cwd=BASE_DIR)
        wait_for(is_made)
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]

        process.terminate()

        assert process.wait(timeout=30) == 128 + signal.SIGTERM
        assert list(tmp_path.iterdir()) == []
        holder.rollback()
        wait_for(lambda: not is_made())
