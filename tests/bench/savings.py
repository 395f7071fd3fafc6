"""`make bench-savings`: what each part of the read path saves, by leaving out one at a time."""

import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.load import database, prepare, say

ROUNDS = 5  # of each part, in turn: the machine is busier at some times than at others
WHOLE = "nothing"
CALLS = ("`GET /users/current`", "`GET /users/:id`", "`GET /users`")
PARTS = (
    "queries compiled once",
    "signature checked once",
    "prepared statements",
    "health check without a query",
    "answers encoded where they are made",
    "sessions kept off the API",
    "first page without models",
    "first page without models, count by triggers",
)


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make bench-savings", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="in the database (100,000)")
    options = parser.parse_args(arguments)
    took: dict[str, list[list[float]]] = {part: [] for part in (WHOLE, *PARTS)}
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as url:
        environment = prepare(url, options.users)
        for _ in range(ROUNDS):
            for part, runs in took.items():
                runs.append(without(part, environment))
    say(table({part: [*map(min, zip(*runs, strict=True))] for part, runs in took.items()}))
    return 0


def without(part: str, environment: Mapping[str, str]) -> list[float]:
    command = [sys.executable, "-m", "tests.bench.without"]
    ours = {**environment, "DJANGO_SETTINGS_MODULE": "tests.bench.settings", "LEFT_OUT": part}
    done = subprocess.run(command, env=ours, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def table(took: Mapping[str, Sequence[float]]) -> str:
    """Return what all parts take together, and how much more it is without each, in µs of CPU."""
    whole = took[WHOLE]
    rows = [("µs of CPU a request", *CALLS), ("---", *("---",) * len(CALLS))]
    rows.append(("all parts", *(f"{least:.0f}" for least in whole)))
    for part in PARTS:
        more = (f"{found - least:+.0f}" for found, least in zip(took[part], whole, strict=True))
        rows.append((f"without: {part}", *more))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
