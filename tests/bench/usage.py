"""What a server takes: CPU time and memory of a process and of all below it, from /proc."""

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return the process and all below it; nothing for one that has ended meanwhile."""
    try:
        below = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in children(task)]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(found for child in below for found in tree(child))]


def children(task: Path) -> list[int]:
    return [int(pid) for pid in (task / "children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of the tree."""
    return sum(_ticks(one) for one in tree(pid)) / TICK


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime, stime


def memory(pid: int) -> list[float]:
    """Return the MB of each process: what it shares is divided among those that share it (PSS)."""
    return [_pss(one) for one in tree(pid)]


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def machine() -> str:
    """Return the model of the CPU and how many cores may be used."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} cores of {models[0] if models else 'an unknown CPU'}"
