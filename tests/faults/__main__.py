"""`make faults`: break what can break, under load; exit status 1 where a claim does not hold."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import django
from django.apps import apps

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from tests.bench import usage
from tests.faults import clocks, databases, disks, migrations, processes, stores
from tests.faults.report import HEAD, Report


@dataclass(frozen=True)
class Fault:
    """One that can be asked for by its name; it lasts `seconds`, or `quick` of these."""

    run: Callable[[float], Report]
    seconds: float = 0
    quick: float = 0


FAULTS = {
    "database-killed-after-writes": Fault(databases.killed_after_writes),
    "service-killed-after-writes": Fault(processes.killed_service),
    "database-restarted": Fault(databases.killed_under_load),
    "database-away": Fault(databases.away, 60, 10),
    "connections": Fault(databases.no_connections, 10, 5),
    "locked": Fault(databases.locked, 12, 8),
    "frozen": Fault(databases.frozen, 15, 8),
    "drain": Fault(processes.told_to_stop, 3, 3),
    "workers": Fault(processes.killed_workers, 120, 20),
    "redis": Fault(stores.gone, 10, 5),
    "disk-postgresql": Fault(disks.full_postgresql, 10, 5),
    "disk-sqlite": Fault(disks.full_sqlite, 10, 5),
    "log-full": Fault(processes.full_log, 10, 5),
    "log-closed": Fault(processes.closed_log, 10, 5),
    "clock": Fault(clocks.steps),
    "migrations": Fault(migrations.killed),
}


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)} (all)")
    parser.add_argument("--quick", action="store_true", help="each as short as it makes sense")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - FAULTS.keys():
        parser.error(f"there is no fault of the name {', '.join(sorted(unknown))}")
    reports = []
    for name in options.names or FAULTS:
        fault, began = FAULTS[name], time.monotonic()
        report = fault.run(fault.quick if options.quick else fault.seconds)
        reports.append(report)
        say(f"{name}: {time.monotonic() - began:.0f} s. {'; '.join(report.notes)}")
    say("\n".join([HEAD, *(report.line() for report in reports)]))
    say(f"{usage.machine()}; the load and PostgreSQL on them.")
    broken = [f"{report.fault}: not so: {claim}" for report in reports for claim in report.broken]
    say("\n".join(broken) or "All claims hold.")
    return 1 if broken else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
