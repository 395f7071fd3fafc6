"""What can be wrong with a row."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing wrong with a row; without column it is the row as a whole."""

    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fault, and the number of its row as spreadsheet programs count: the header is row 1."""

    row: int
    column: str
    code: str
    detail: str


# What a fault's code may be, and when.
CODES = {
    "ambiguous": "several clients have this name",
    "blank": "nothing that a reader can see",
    "does_not_exist": "no row has this id or name",
    "duplicate": "an earlier row of the file has this id or email",
    "inactive": "nobody inactive can be invited",
    "invalid": "not what the column takes",
    "last_administrator": "meanwhile this would leave no active administrator",
    "max_length": "too long",
    "mismatch": "two cells of the row contradict each other",
    "own_email": "the caller's own email, which needs their password",
    "required": "missing",
    "stale": "changed by someone else meanwhile",
    "unique": "taken by another user",
}
