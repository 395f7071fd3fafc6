"""What a fault cost, and which of our claims it broke."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.load import ACKNOWLEDGED, FAILED, REFUSED, Load, told

HEAD = (
    "| fault | sent | acknowledged | refused cleanly | failed | lost | slowest s | recovered s |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass
class Report:
    """One line of the table; `broken` says in words what did not hold."""

    fault: str
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    failed: int = 0
    lost: int = 0
    slowest: float = 0.0
    recovered: float | None = None  # seconds until a write was acknowledged again
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def count(self, load: Load, found: Iterable[str]) -> None:
        """Add what the load sent; `found` is what is there afterwards."""
        self.sent += len(load.outcomes)
        self.acknowledged += load.count(ACKNOWLEDGED)
        self.refused += load.count(REFUSED)
        self.failed += load.count(FAILED)
        self.lost += len(load.written() - set(found))
        self.slowest = max([self.slowest, *(one.took for one in load.outcomes)])
        if load.count(FAILED):
            self.notes.append(f"failed with {told(load.failures())}")
        self.claim(self.lost == 0, "what was acknowledged is there")

    def claim(self, is_so: bool, claim: str) -> None:
        if not is_so and claim not in self.broken:
            self.broken.append(claim)

    def line(self) -> str:
        recovered = "" if self.recovered is None else f"{self.recovered:.1f}"
        counts = f"{self.sent:,} | {self.acknowledged:,} | {self.refused:,} | {self.failed:,}"
        return f"| {self.fault} | {counts} | {self.lost} | {self.slowest:.1f} | {recovered} |"
