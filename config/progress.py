"""How far a command is."""

import sys


class Bar:
    """A progress bar on a terminal; nothing anywhere else."""

    WIDTH = 40

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.is_shown = sys.stderr.isatty()

    def advance(self, count: int) -> None:
        self.reach(self.done + count)

    def reach(self, done: int) -> None:
        self.done = done
        share = min(1.0, done / self.total) if self.total else 1.0
        filled = "█" * int(share * self.WIDTH)
        self.show(f"\r{filled:·<{self.WIDTH}} {share:4.0%} {done:,}/{self.total:,}")

    def finish(self) -> None:
        self.show("\n")

    def show(self, text: str) -> None:
        if self.is_shown:
            sys.stderr.write(text)
            sys.stderr.flush()
