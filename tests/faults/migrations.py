"""What befalls a migration: killed in the middle, forward and back, with many users."""

import subprocess
import sys
import time
from pathlib import Path

from tests.bench.cluster import find_binaries
from tests.bench.load import prepare
from tests.faults.database import Cluster, cluster
from tests.faults.report import Report
from tests.live.conftest import BASE_DIR, manage

USERS = 100_000
# Back before the tables and indexes that take long, and forward to the newest.
WAYS = (("users", "0004"), ("users",))
ROUNDS = 6  # killed so often each way, a share of the whole time later each time
RANDOM = "\\restrict", "\\unrestrict"  # pg_dump puts a random word behind these


def killed(seconds: float) -> Report:
    report = Report(f"migrations killed, back and forward, with {USERS:,} users")
    with cluster() as database:
        environment = prepare(database.url, USERS)
        before, rows = schema(database), fingerprint(database)
        whole = {target: run(environment, target)[2] for target in WAYS}
        took = []
        for target in WAYS:
            for number in range(1, ROUNDS + 1):
                begin(environment, target, after=whole[target] * number / ROUNDS)
                report.sent += 1
            code, said, seconds = run(environment, target)
            took.append(seconds)
            report.claim(code == 0, f"it resumes to {' '.join(target)}: {said[-300:]}")
        report.acknowledged = 2
        report.refused = report.sent
        report.sent += 2
        report.recovered = max(took)
        report.claim(fingerprint(database) == rows, "every user is as before")
        changed = schema(database) ^ before
        report.claim(not changed, f"the schema is as before: {sorted(changed)[:5]}")
        manage(environment, "check", "--database", "default", "--fail-level", "WARNING")
    return report


def begin(environment: dict[str, str], target: tuple[str, ...], *, after: float) -> None:
    """Begin and kill it after so many seconds."""
    command = [sys.executable, "manage.py", "migrate", *target]
    process = subprocess.Popen(
        command, env=environment, cwd=BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(environment: dict[str, str], target: tuple[str, ...]) -> tuple[int, str, float]:
    command = [sys.executable, "manage.py", "migrate", *target]
    began = time.monotonic()
    ended = subprocess.run(
        command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stderr, time.monotonic() - began


def schema(database: Cluster) -> set[str]:
    """Return the lines of the schema in any order: a column that went and came stands last."""
    binary = str(Path(find_binaries()) / "pg_dump")
    dumped = subprocess.run(
        [binary, "--schema-only", database.url], capture_output=True, text=True, check=True
    ).stdout
    return {line.rstrip(",") for line in dumped.splitlines() if not line.startswith(RANDOM)}


def fingerprint(database: Cluster) -> object:
    row = "id || name || email || active"
    asked = f"SELECT count(*), md5(string_agg({row}, ',' ORDER BY id)) FROM users"  # noqa: S608 # ours
    with database.connect() as connection:
        return connection.execute(asked).fetchone()
