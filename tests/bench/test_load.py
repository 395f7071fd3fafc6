"""`make bench`: what it makes of what it measures."""

import os
import subprocess
import sys

import pytest

from tests.bench import usage
from tests.bench.load import LEAST, ROSTER, STOCK, Flood, Memory, Rounds, judge, table
from tests.bench.servers import Figures

STILL = Memory(half=100.0, whole=105.0)
DRY = Flood(idle=5.0, flooded=20.0)


def rounds(**times: float) -> Rounds:
    """Return figures in which stock DRF takes exactly the CPU of the floors, or so many times."""
    took: Rounds = {}
    for call, floor in LEAST.items():
        ratio = times.get(call.rpartition("/")[2], floor)
        took[call, ROSTER] = [Figures(2000, 4, 9, cpu, 8000) for cpu in (0.5, 0.25, 9)]
        took[call, STOCK] = [Figures(500, 16, 30, 0.5 * ratio, 2000)]
    return took


def test_at_the_floors_nothing_is_wrong() -> None:
    assert judge(rounds(), 1.99, STILL, DRY) == []


@pytest.mark.parametrize(
    ("call", "ratio", "fault"),
    [
        ("current", 2.2, "GET /users/current takes 2.2 times less CPU than stock, not 2.3"),
        (":id", 2.0, "GET /users/:id takes 2.0 times less CPU than stock, not 2.1"),
        ("users", 2.9, "GET /users takes 2.9 times less CPU than stock, not 3.0"),
    ],
)
def test_names_the_call_below_its_floor(call: str, ratio: float, fault: str) -> None:
    assert judge(rounds(**{call: ratio}), 1.0, STILL, DRY) == [fault]


@pytest.mark.parametrize(
    ("seconds", "memory", "fault"),
    [
        (2.0, STILL, "ready after 2.0 s"),
        (1.0, Memory(120.0, 121.0), "a worker takes 121 MB"),
        (1.0, Memory(90.0, 95.1), "a worker grew from 90 to 95 MB"),
    ],
)
def test_names_a_slow_start_and_much_memory(seconds: float, memory: Memory, fault: str) -> None:
    assert judge(rounds(), seconds, memory, DRY) == [fault]


def test_names_a_flood_that_stops_others() -> None:
    faults = judge(rounds(), 1.0, STILL, Flood(idle=5.0, flooded=20.6))

    assert faults == ["reads took 4.1 times as long in a flood of log-ins"]


def test_shows_medians_and_what_stock_takes_for_one_of_ours() -> None:
    lines = table(rounds(), {ROSTER: 200.0, STOCK: 300.0}).splitlines()

    assert lines[2:5] == [
        "| `GET /users/current` | Roster | 2000 | 4.0 | 9.0 | 0.50 | 200 |",
        "| `GET /users/current` | stock DRF | 500 | 16.0 | 30.0 | 1.15 | 300 |",
        "| | stock ÷ Roster | 0.25 | 4.00 | 3.33 | 2.30 | 1.50 |",
    ]


def test_counts_the_cpu_and_memory_of_children() -> None:
    grandchild = "x = bytearray(50_000_000); sum(range(10**7)); print(flush=True); input()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spent, kept = usage.cpu_seconds(process.pid), usage.memory(process.pid)
        process.communicate("\n")

    assert spent > 0.1
    assert len(kept) == 2
    assert kept[1] > 45
    assert os.getpid() not in usage.tree(os.getpid())[1:]
