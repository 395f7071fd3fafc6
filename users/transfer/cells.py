"""Cells that no spreadsheet program takes for a formula."""

import re
from datetime import date, datetime, time
from typing import Any

# What a formula begins with, the full-width forms too, behind whatever programs may drop.
FORMULA = re.compile(r"['\"\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
MARK = "'"


def guard(text: str) -> str:
    """Return the text so that it is text in every program; `unguard` gives back what it was."""
    return MARK + text if FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Take away the mark that `guard` has put there, and no other."""
    return text[1:] if text.startswith(MARK) and FORMULA.match(text[1:]) else text


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
