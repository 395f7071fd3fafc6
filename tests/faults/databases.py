"""What befalls PostgreSQL: killed, gone, full of connections, locked, frozen."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bench.usage import tree
from tests.faults import database, stage
from tests.faults.load import ACKNOWLEDGED, REFUSED, Load, running, wait_for
from tests.faults.report import Report
from tests.faults.stage import Stage

MANY = 1000
MORE = 24  # that send while something is held up: more than there are threads
AGAIN = 5.0  # seconds after which nobody is refused any more
AT_ONCE = 2.0  # seconds within which it is said that the database is away
SLACK = 1.0  # of these, for a machine that runs the load and the database, too


def killed_after_writes(seconds: float) -> Report:
    report = Report(f"{MANY:,} creations, then PostgreSQL killed")
    with stage.on_postgresql() as one:
        load = one.writes(most=MANY)
        load.start()
        load.join()
        one.postgresql.kill()
        began = time.monotonic()
        one.postgresql.start()
        report.notes.append(f"PostgreSQL was back after {time.monotonic() - began:.1f} s")
        after = one.writes(most=1, threads=1)
        after.start()
        after.join()
        report.recovered = after.acknowledged_since(began) - began
        for each in (load, after):
            report.count(each, one.emails())
    report.claim(report.acknowledged >= MANY, f"{MANY} are acknowledged")
    return report


def killed_under_load(seconds: float) -> Report:
    report = Report("PostgreSQL killed and started again under load, three times")
    with stage.on_postgresql() as one:
        with running(one.mixed()) as load:
            for _ in range(3):
                refused, done = load.count(REFUSED), load.count(ACKNOWLEDGED)
                wait_for(lambda: load.count(ACKNOWLEDGED) > done + 50)  # noqa: B023 # of this round
                one.postgresql.kill()
                wait_for(lambda: load.count(REFUSED) > refused + 10)  # noqa: B023
                one.postgresql.start()
                come_back(report, load, time.monotonic())
        end(report, one, load)
        report.claim(report.slowest <= AT_ONCE + SLACK, "each answers within 2 s")
        report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
    return report


def come_back(report: Report, load: Load, moment: float) -> None:
    """Wait until nobody is to be refused any more, and see that nobody is."""
    wait_for(lambda: time.monotonic() > moment + AGAIN + 3)
    took = load.acknowledged_since(moment) - moment
    report.recovered = max(report.recovered or 0.0, took)
    late = [one for one in load.outcomes if one.began > moment + AGAIN and one.kind != ACKNOWLEDGED]
    report.claim(not late, "no error from 5 s after the database is ready")


def end(report: Report, one: Stage, load: Load) -> None:
    report.count(load, one.emails())
    report.claim(one.half_written() == 0, "no user is half written")


def away(seconds: float) -> Report:
    report = Report(f"{seconds:.0f} s without PostgreSQL")
    with stage.on_postgresql() as one:
        with running(one.mixed()) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 50)
            pids, most = one.workers(), threads_of(one)
            one.postgresql.stop()
            alive, ready, threads = watch(one, seconds)
            one.postgresql.start()
            come_back(report, load, time.monotonic())
            report.claim(one.workers() == pids, "no process ends")
        end(report, one, load)
        report.notes.append(f"threads of the workers before {most}, then at most {max(threads)}")
        report.claim(set(alive) == {200}, "/livez says 200")
        report.claim(set(ready[5:]) == {503}, "/readyz says 503")
        report.claim(max(threads) <= most + 12, "no thread piles up")
        report.claim(report.slowest <= AT_ONCE + SLACK, "each answers within 2 s")
        report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
    return report


def watch(one: Stage, seconds: float) -> tuple[list[int], list[int], list[int]]:
    alive: list[int] = []
    ready: list[int] = []
    threads: list[int] = []

    def look() -> None:
        alive.append(one.service.call("GET", "/livez").status)
        ready.append(one.service.call("GET", "/readyz").status)
        threads.append(threads_of(one))

    stage.go_on(seconds, look)
    return alive, ready, threads


def threads_of(one: Stage) -> int:
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in one.workers())


def no_connections(seconds: float) -> Report:
    report = Report(f"PostgreSQL's connections all taken for {seconds:.0f} s")
    with stage.on_postgresql() as one:
        with running(one.mixed()) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 50)
            with all_connections(one):
                stage.go_on(seconds)
            come_back(report, load, time.monotonic())
        end(report, one, load)
        report.claim(report.refused > 0, "some are refused")
        report.claim(report.slowest <= AT_ONCE + SLACK, "nobody hangs")
        report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
    return report


@contextmanager
def all_connections(one: Stage) -> Iterator[None]:
    """Take those that are free, then end the service's and take these."""
    with one.postgresql.connect() as control:
        taken: list[psycopg.Connection[tuple[object, ...]]] = []
        end_others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = '' AND backend_type = 'client backend'"
        )
        url = f"{one.postgresql.url}?application_name=taken"
        control.execute("SET application_name = 'control'")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                taken.append(psycopg.connect(url))
            except psycopg.OperationalError:
                row = control.execute(end_others).rowcount
                if not row:
                    break
        try:
            yield
        finally:
            for connection in taken:
                connection.close()


def locked(seconds: float) -> Report:
    report = Report(f"the table of users locked for {seconds:.0f} s")

    def lock(one: Stage) -> None:
        with one.postgresql.connect() as other, other.transaction():
            other.execute("LOCK TABLE users")
            stage.go_on(seconds)

    return slow(report, lock)


def frozen(seconds: float) -> Report:
    report = Report(f"PostgreSQL stopped (SIGSTOP) for {seconds:.0f} s")

    def freeze(one: Stage) -> None:
        postmaster = int((one.postgresql.data / "postmaster.pid").read_text().split()[0])
        pids = tree(postmaster)
        for pid in pids:
            database.send(pid, signal.SIGSTOP)
        try:
            alive = watch_alive(one, seconds)
        finally:
            for pid in pids:
                database.send(pid, signal.SIGCONT)
        report.claim(set(alive) == {200}, "/livez says 200")

    return slow(report, freeze, longest=13.0)  # who has heard nothing for 10 s gives up


def watch_alive(one: Stage, seconds: float) -> list[int]:
    alive: list[int] = []
    stage.go_on(seconds, lambda: alive.append(one.service.call("GET", "/livez").status))
    return alive


def slow(report: Report, hold: Callable[[Stage], None], *, longest: float = 7.0) -> Report:
    """Hold something up; `longest` is what a request may take then."""
    with stage.on_postgresql() as one:
        with running(one.mixed()) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 50)
            with running(one.mixed(threads=MORE)) as more:
                hold(one)
            come_back(report, load, time.monotonic())
        for each in (load, more):
            end(report, one, each)
        report.claim(report.refused > 0, "some are refused")
        report.claim(report.failed == 0, "nobody gets anything but an answer or 503")
        report.claim(report.slowest <= longest, f"each answers within {longest:.0f} s")
    return report
