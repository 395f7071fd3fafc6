"""One row of a table as values, by the rules that the API has for bodies."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from clients.names import clean_name, trim
from config.api.routing import MAX_ID
from users.emails import clean_email
from users.transfer.cells import unguard
from users.transfer.columns import Columns
from users.transfer.faults import RowFault
from users.transfer.tables import Record

MAX_CELL = 4096
ID = re.compile(r"[1-9][0-9]{0,18}\Z")
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
ROLES = {"administrator", "regular"}


@dataclass(slots=True)
class Row:
    """The cells that are not empty: as text, and as values where they are right by themselves."""

    number: int
    text: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    own_faults: list[RowFault] = field(default_factory=list)


def read_row(record: Record, columns: Columns) -> Row:
    number, cells = record
    row = Row(number)
    if columns.has_more(cells):
        detail = "This row has cells where there is no column."
        row.own_faults.append(RowFault("", "invalid", detail))
    for name, cell in columns.pick(cells).items():
        if name in CLEANERS:
            _read_cell(row, name, cell)
    return row


def _read_cell(row: Row, name: str, cell: str) -> None:
    if len(cell) > MAX_CELL:
        detail = f"A cell has at most {MAX_CELL} characters."
        row.text[name] = ""
        row.own_faults.append(RowFault(name, "max_length", detail))
        return
    text = unguard(cell)
    if not trim(text):
        return
    row.text[name] = text
    try:
        row.values[name] = CLEANERS[name](text)
    except ValidationError as fault:
        row.own_faults.append(RowFault(name, str(fault.code), str(fault.message)))


def clean_id(text: str) -> int:
    text = trim(text)
    if not ID.match(text) or int(text) > MAX_ID:
        raise ValidationError("Expected a whole number from 1.", code="invalid")
    return int(text)


def clean_flag(text: str) -> bool:
    word = trim(text).lower()
    if word not in TRUE | FALSE:
        raise ValidationError("Expected true or false.", code="invalid")
    return word in TRUE


def clean_role(text: str) -> str:
    word = trim(text).lower()
    if word not in ROLES:
        raise ValidationError("Expected administrator or regular.", code="invalid")
    return word


CLEANERS: dict[str, Callable[[str], Any]] = {
    "id": clean_id,
    "name": clean_name,
    "email": clean_email,
    "client_id": clean_id,
    "client": trim,
    "role": clean_role,
    "active": clean_flag,
    "invite": clean_flag,
}
