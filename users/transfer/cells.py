"""Cells that no spreadsheet program takes for a formula."""

import re
from datetime import date, datetime, time
from typing import Any

# Where a cell may begin: a program with another delimiter splits what CSV has not quoted for it.
START = r"(?:\A|(?<=[;\t\r\n]))"
# What a formula begins with, the full-width forms too, behind whatever programs may drop.
FORMULA = r"(?=(?:['\"]|[^\S\t\r\n])*+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
MARK = "'"
UNMARKED = re.compile(START + FORMULA)
MARKED = re.compile(START + MARK + FORMULA)


def guard(text: str) -> str:
    """Return the text so that it is text in every program; `unguard` gives back what it was."""
    return UNMARKED.sub(MARK, text)


def unguard(text: str) -> str:
    """Take away the marks that `guard` has put there, and no other."""
    return MARKED.sub("", text)


def text_of(value: Any) -> str:
    """Return a cell's value as it would stand in a CSV file: a whole number without fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
