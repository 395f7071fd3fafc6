"""What became of a table: the counts, the refusals, and every row to download."""

import csv
import io
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from users.transfer.cells import guard
from users.transfer.faults import Outcome, Refusal, RowFault

MAX_KEPT = 1000  # refusals in memory; the file has all
SPOOL = 1024 * 1024
CHUNK = 64 * 1024
HEADER = ("row", "outcome", "column", "code", "detail")


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(SPOOL)


@dataclass
class Report:
    """Counts and refusals; `is_written` tells whether the new and changed rows were written."""

    id: str  # in the audit trail, each act of the import names it
    total: int
    ignored_columns: tuple[str, ...]
    is_written: bool = False
    counts: Counter[Outcome] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    _file: IO[bytes] = field(default_factory=_spool)

    def __post_init__(self) -> None:
        weakref.finalize(self, self._file.close)
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(HEADER)

    @property
    def new(self) -> int:
        return self.counts[Outcome.NEW]

    @property
    def changed(self) -> int:
        return self.counts[Outcome.CHANGED]

    @property
    def unchanged(self) -> int:
        return self.counts[Outcome.UNCHANGED]

    @property
    def refused(self) -> int:
        return self.counts[Outcome.REFUSED]

    @property
    def done(self) -> int:
        return self.counts.total()

    def add(self, row: int, outcome: Outcome, faults: list[RowFault]) -> None:
        self.counts[outcome] += 1
        if not faults:
            self._writer.writerow((row, outcome, "", "", ""))
        for fault in faults:
            if len(self.refusals) < MAX_KEPT:
                self.refusals.append(Refusal(row, fault.column, fault.code, fault.detail))
            self._writer.writerow((row, outcome, fault.column, fault.code, guard(fault.detail)))
        if self._text.tell() > CHUNK:
            self._flush()

    def csv(self) -> Iterator[bytes]:
        """Yield the outcome of every row as CSV in UTF-8, a refused row once for each fault."""
        self._flush()
        self._file.seek(0)
        yield from iter(lambda: self._file.read(CHUNK), b"")
        self._file.seek(0, io.SEEK_END)

    def _flush(self) -> None:
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
