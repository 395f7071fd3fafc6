"""Measuring whether the time of an answer tells what the matter was."""

import random
from collections.abc import Callable, Mapping
from statistics import median

Times = Mapping[str, list[float]]  # of each kind, in seconds


def interleaved(
    kinds: Mapping[str, Callable[[], Callable[[], object]]], turns: int, clock: Callable[[], float]
) -> Times:
    """Return what each kind took, one of each a turn, in an order that changes.

    A kind makes, outside of the time, the call that is timed.
    """
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(turns):
        order = list(kinds)
        random.Random(turn).shuffle(order)  # noqa: S311 # nothing to guess
        for kind in order:
            call = kinds[kind]()
            started = clock()
            call()
            took[kind].append(clock() - started)
    return took


def gap(took: Times) -> tuple[float, float]:
    """Return by how much the medians differ: in seconds, and as a share of the least."""
    medians = [median(times) for times in took.values()]
    seconds = max(medians) - min(medians)
    return seconds, seconds / min(medians)


def is_even(took: Times, *, least: float = 0.010) -> bool:
    """Tell whether the medians are within 10 % or `least` seconds."""
    seconds, share = gap(took)
    return seconds <= least or share <= 0.1
