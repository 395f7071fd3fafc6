"""Tables for tests, and what becomes of them."""

import io
from typing import Any

from openpyxl import Workbook

from users.models import User
from users.transfer.importing import OnRefusal, import_table, rehearse
from users.transfer.reports import Report
from users.transfer.tables import read_table


def imported(text: str, *, actor: User | None = None, skip: bool = False) -> Report:
    table = read_table(io.BytesIO(text.encode()))
    on_refusal = OnRefusal.SKIP if skip else OnRefusal.STOP
    return import_table(table, actor=actor, on_refusal=on_refusal)


def rehearsed(text: str, *, actor: User | None = None) -> Report:
    return rehearse(read_table(io.BytesIO(text.encode())), actor=actor)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.changed, report.unchanged, report.refused


def faults(report: Report) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.code) for fault in report.refusals]


def workbook(*rows: list[Any]) -> io.BytesIO:
    book = Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file
