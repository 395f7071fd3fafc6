"""What befalls the service's own processes: killed, told to stop, no log to write to."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from tests.faults import database, stage
from tests.faults.load import ACKNOWLEDGED, Outcome, running, wait_for
from tests.faults.report import Report
from tests.faults.stage import Stage

MANY = 1000
EVERY = 5.0  # seconds from one killed worker to the next


def killed_workers(seconds: float) -> Report:
    report = Report(f"a worker killed every {EVERY:.0f} s for {seconds:.0f} s")
    with stage.on_postgresql() as one:
        kills: list[float] = []
        respawns: list[float] = []
        with running(one.mixed()) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 20)
            while len(kills) < seconds / EVERY:
                kills.append(time.monotonic())
                respawns.append(replace_worker(one, len(kills)))
                wait_for(lambda: time.monotonic() > kills[-1] + EVERY)
        report.count(load, one.emails())
        report.recovered = max(respawns)
        in_flight = sum(is_in_flight(outcome, kill) for kill in kills for outcome in load.outcomes)
        report.notes.append(f"in flight when a worker was killed: {in_flight}")
        report.claim(report.failed <= in_flight, "no more fail than were in flight")
        report.claim(max(respawns) <= 2, "a worker is replaced within 2 s")
        report.claim(one.half_written() == 0, "no user is half written")
    return report


def replace_worker(one: Stage, number: int) -> float:
    """Kill one, each in turn, and return how long it took until there was another that serves."""
    log = one.service.log
    before = log.read_text().count("Started worker-")
    os.kill(one.workers()[number % stage.WORKERS], signal.SIGKILL)
    return wait_for(lambda: log.read_text().count("Started worker-") > before)


def is_in_flight(outcome: Outcome, moment: float) -> bool:
    return outcome.began <= moment <= outcome.ended


def told_to_stop(seconds: float) -> Report:
    """Send until `/readyz` says that it will stop, as a load balancer does."""
    report = Report(f"SIGTERM under load, DRAIN_SECONDS={seconds:.0f}")
    with stage.on_postgresql({"DRAIN_SECONDS": f"{seconds:.0f}"}) as one:
        with running(one.mixed()) as load:
            wait_for(lambda: load.count(ACKNOWLEDGED) > 20)
            os.kill(one.server.pid, signal.SIGTERM)
            began = time.monotonic()
            wait_for(lambda: one.service.call("GET", "/readyz").status == 503)
            report.notes.append(f"/readyz said 503 after {time.monotonic() - began:.2f} s")
        wait_for(lambda: "see ya" in one.service.log.read_text())
        took = time.monotonic() - began
        report.notes.append(f"it had ended after {took:.1f} s")
        report.count(load, one.emails())
        report.claim(report.failed == report.refused == 0, "nobody is refused before they are told")
        report.claim(took < 30, "it ends within 30 s")
    return report


def killed_service(seconds: float) -> Report:
    report = Report(f"{MANY:,} creations on SQLite, then the service killed")
    with stage.on_sqlite() as one:
        load = one.writes(most=MANY)
        load.start()
        load.join()
        for pid in [one.server.pid, *one.workers()]:
            database.send(pid, signal.SIGKILL)
        began = time.monotonic()
        with stage.served(one.environment) as (server, token, client):
            again = replace(one, server=server, token=token, client=client)
            after = again.writes(most=1, threads=1)
            after.start()
            after.join()
            report.recovered = after.acknowledged_since(began) - began
            report.count(load, again.emails())
            report.count(after, again.emails())
    report.claim(report.acknowledged >= MANY, f"{MANY} are acknowledged")
    return report


def full_log(seconds: float) -> Report:
    report = Report("the log's disk full")
    with stage.on_postgresql(log=Path("/dev/full")) as one:
        serve_on(one, seconds, report)
    return report


def closed_log(seconds: float) -> Report:
    report = Report("nobody reads the log's pipe any more")
    reader, writer = os.pipe()
    with stage.on_postgresql(log=Path(f"/proc/self/fd/{writer}")) as one:
        os.close(writer)
        os.close(reader)
        serve_on(one, seconds, report)
    return report


def serve_on(one: Stage, seconds: float, report: Report) -> None:
    with running(one.mixed()) as load:
        stage.go_on(seconds)
    report.count(load, one.emails())
    report.claim(report.failed == report.refused == 0, "all go on")
