"""`make load`: hold 60 % of the peak, then 2.5 times it; exit status 1 where a claim breaks."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import django
from django.apps import apps

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

import psycopg

from config.rsgi import FEW, MORE
from tests.bench import usage
from tests.bench.load import ADMINISTRATOR, WORKERS, database, password, prepare, roster
from tests.bench.open_loop import Generator, Sample
from tests.bench.servers import Server
from tests.bench.traffic import CURRENT, Traffic
from tests.live.conftest import BASE_DIR

USERS, MINUTES = 100_000, 30
WARM, PEAK = 10, 20  # seconds
CONNECTIONS = 16  # that find the peak
HELD, TOO_MUCH = 0.6, 2.5  # of the peak
OVERLOAD, BACK = 60, 10  # seconds of too much, and until all is as before
DRIFT, GROWTH = 1.2, 1.05
CALM = 5  # minutes until memory is as it stays
MOST_MS = 500.0
REFUSALS = {429, 503}
HEAD = (
    "| minute | requests/s | p50 ms | p99 ms | 5xx | others | memory MB | connections |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Minute:
    """What one minute gave."""

    rate: float
    p50: float
    p99: float
    statuses: Counter[int]
    memory: float
    connections: int

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if is_failure(status))

    def line(self, name: str) -> str:
        others = sum(self.statuses.values()) - self.failed
        others -= sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        times = f"{self.rate:.0f} | {self.p50:.1f} | {self.p99:.1f}"
        return (
            f"| {name} | {times} | {self.failed} | {others} | {self.memory:.0f}"
            f" | {self.connections} |"
        )


@dataclass
class Bench:
    """A server, what is sent to it, and what its database says."""

    server: Server
    generator: Generator
    url: str

    async def minute(self, rate: float, seconds: float) -> Minute:
        self.generator.samples.clear()
        await self.generator.hold(rate, seconds)
        samples = self.generator.samples
        p50, p99 = at(samples, 50), at(samples, 99)
        statuses = Counter(one.status for one in samples)
        memory = sum(usage.memory(self.server.pid))
        return Minute(len(samples) / seconds, p50, p99, statuses, memory, self.connections())

    def connections(self) -> int:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        with psycopg.connect(self.url) as connection:
            row = connection.execute(asked).fetchone()
        return int(row[0]) - 1 if row else 0


def is_failure(status: int) -> bool:
    return status >= 500 or status < 100


def at(samples: Sequence[Sample], percent: int) -> float:
    """Return the ms that so many of a hundred took at most."""
    times = [one.took * 1000 for one in samples]
    return quantiles(times, n=100)[percent - 1] if len(times) > 1 else 0.0


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--minutes", type=int, default=MINUTES, help=f"to hold ({MINUTES})")
    parser.add_argument("--users", type=int, default=USERS, help=f"in the database ({USERS:,})")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as url:
        say(f"Making {options.users:,} users ...")
        environment = prepare(url, options.users)
        logs = Path(folder)
        with roster(environment, logs / "roster.log") as server, worker(environment, logs / "log"):
            admin = server.service.log_in(ADMINISTRATOR, password())["access"]
            traffic = Traffic(server.service, options.users, password(), admin)
            traffic.prepare()
            generator = Generator(server.service.port, traffic.choose)
            faults = asyncio.run(run(Bench(server, generator, url), options.minutes))
    say(f"{usage.machine()}, load afterwards {os.getloadavg()[0]:.1f}; "
        "the load and PostgreSQL on them.")  # fmt: skip
    say("\n".join(f"CLAIM: {fault}" for fault in faults) or "All claims hold.")
    return 1 if faults else 0


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    """Let there be who sends mails and sums up counts, as beside any server."""
    with log.open("wb") as stream:
        command = [sys.executable, "manage.py", "work"]
        process = subprocess.Popen(
            command, env=environment, cwd=BASE_DIR, stdout=stream, stderr=stream
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=40)


async def run(bench: Bench, minutes: int) -> list[str]:
    await bench.generator.saturate(CONNECTIONS, WARM)
    peak = await bench.generator.saturate(CONNECTIONS, PEAK)
    say(f"Peak: {peak:.0f} requests/s by {CONNECTIONS} connections. Held: {peak * HELD:.0f}.")
    say(HEAD)
    held = []
    for number in range(1, minutes + 1):
        held.append(await bench.minute(peak * HELD, 60))
        say(held[-1].line(str(number)))
    faults = judge(held)
    faults += await overload(bench, peak, held)
    bench.generator.close()
    return faults


def judge(held: Sequence[Minute]) -> list[str]:
    third = max(1, len(held) // 3)
    first, last = (median(one.p99 for one in part) for part in (held[:third], held[-third:]))
    calm = held[min(CALM, len(held)) - 1].memory
    growth, drift = held[-1].memory / calm, last / first
    connections, most = max(one.connections for one in held), usage_of_connections()
    say(
        f"p99 of the last third {drift:.2f} times that of the first;"
        f" memory {growth:.3f} times that of minute {min(CALM, len(held))};"
        f" at most {connections} connections of {most}."
    )
    claims = {
        "no 5xx": not sum(one.failed for one in held),
        f"p99 drifts by less than a factor of {DRIFT}": drift < DRIFT,
        f"memory grows by less than a factor of {GROWTH}": growth < GROWTH,
        f"at most {most} connections": connections <= most,
    }
    return [f"not so: {claim}" for claim, is_so in claims.items() if not is_so]


def usage_of_connections() -> int:
    """Return how many may be open: one a thread, one of `/readyz`, and that of who sends mails."""
    return WORKERS * (FEW + MORE + 1) + 1


async def overload(bench: Bench, peak: float, held: Sequence[Minute]) -> list[str]:
    """Send far too much, then what was held again."""
    over = await bench.minute(peak * TOO_MUCH, OVERLOAD)
    say(over.line(f"{TOO_MUCH} times the peak"))
    current = [one for one in bench.generator.samples if one.kind == CURRENT and is_good(one)]
    ended = time.monotonic()
    back = await bench.minute(peak * HELD, BACK + 20)
    say(back.line("after it"))
    late = [one for one in bench.generator.samples if one.due > ended + BACK]
    said = ", ".join(f"{status}: {count:,}" for status, count in sorted(over.statuses.items()))
    say(
        f"Overload: {said}. 95 of 100 of the {len(current):,} GET /users/current that were served"
        f" took up to {at(current, 95):.0f} ms."
        f" From {BACK} s after it on, p99 {at(late, 99):.1f} ms."
    )
    usual = max(one.p99 for one in held)
    return judge_overload(over.statuses, peak * HELD * OVERLOAD, current, late, usual)


def judge_overload(
    statuses: Counter[int],
    least: float,
    current: Sequence[Sample],
    late: Sequence[Sample],
    usual: float,
) -> list[str]:
    """Return what does not hold of what was said, who read what is theirs, and who came later.

    `least` is how many must have been served, `usual` the p99 in ms before.
    """
    served = sum(count for status, count in statuses.items() if 200 <= status < 300)
    claims = {
        "only 2xx, 429 and 503": not {s for s in statuses if not is_fine(s)},
        "as many are served as were before": served >= least,
        f"GET /users/current takes less than {MOST_MS:.0f} ms": at(current, 95) < MOST_MS,
        "nobody is refused from 10 s after it on": bool(late) and all(map(is_good, late)),
        "all is as fast as before": at(late, 99) < 2 * usual,
    }
    return [f"not so: {claim}" for claim, is_so in claims.items() if not is_so]


def is_good(sample: Sample) -> bool:
    return 200 <= sample.status < 300


def is_fine(status: int) -> bool:
    return 200 <= status < 300 or status in REFUSALS


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
