"""What befalls the disk: full, under PostgreSQL and under SQLite, and free again."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults import stage
from tests.faults.load import ACKNOWLEDGED, REFUSED, Call, Load, running, wait_for
from tests.faults.report import Report
from tests.faults.stage import Stage
from tests.live.conftest import manage

SMALL = {"postgresql": "160m", "sqlite": "24m"}
CHUNK = 64 * 1024


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Lend a file system of this size in memory, which only root can mount."""
    if os.geteuid():
        raise SystemExit("A full disk needs a small one to be mounted: run this as root.")
    with tempfile.TemporaryDirectory() as folder:
        options = f"size={size},mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_postgresql(seconds: float) -> Report:
    report = Report(f"PostgreSQL's disk full for {seconds:.0f} s")
    with small_disk(SMALL["postgresql"]) as disk, stage.on_postgresql(data=disk) as one:
        fill(one, disk, seconds, report)
        report.claim(one.half_written() == 0, "no user is half written")
    return report


def full_sqlite(seconds: float) -> Report:
    report = Report(f"SQLite's disk full for {seconds:.0f} s")
    with small_disk(SMALL["sqlite"]) as disk, stage.on_sqlite(disk) as one:
        fill(one, disk, seconds, report)
    return report


def fill(one: Stage, disk: Path, seconds: float, report: Report) -> None:
    """Fill the disk while some write and some read, then make room again."""
    pids = one.workers()
    reads = Load(one.service, lambda: Call("GET", "/users/current", token=one.token), threads=2)
    with running(one.writes(threads=4)) as writes, running(reads):
        wait_for(lambda: writes.count(ACKNOWLEDGED) > 20)
        began = time.monotonic()
        with filled(disk):
            wait_for(lambda: writes.count(REFUSED) > 0)
            stage.go_on(seconds)
            refused = [one for one in writes.outcomes if one.kind == REFUSED]
        freed = time.monotonic()
        done = writes.count(ACKNOWLEDGED)
        wait_for(lambda: writes.count(ACKNOWLEDGED) > done + 20)
    report.recovered = writes.acknowledged_since(freed) - freed
    report.notes.append(f"the first was refused after {refused[0].ended - began:.1f} s")
    for load in (writes, reads):
        report.count(load, one.emails())
    report.claim({one.said for one in refused} <= {"503", "507"}, "writes get 503 or 507")
    report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
    report.claim(reads.count(ACKNOWLEDGED) == len(reads.outcomes), "reads go on")
    report.claim(one.workers() == pids, "no process ends")
    manage(one.environment, "verify_audit")  # raises where the trail is damaged


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill the disk to its last block, again and again: what frees one takes none."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (CHUNK, 4096):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        ballast.unlink()
