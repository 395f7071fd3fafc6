"""Users as CSV and as a workbook (XLSX): every row of a query, nothing secret, no formula."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import transaction
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.writer.excel import ExcelWriter

from config.api.values import represent_value
from config.audit.events import Event
from config.audit.trail import record
from users.managers import UserQuerySet
from users.models import User
from users.transfer.cells import guard
from users.transfer.columns import EXPORTED

BATCH = 1000  # rows a query
CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOM = "\ufeff"  # without it Excel takes UTF-8 for Windows-1252
MAX_SHEET_ROWS = 1_048_575  # beside the names of the columns

Progress = Callable[[int], None]  # called with how many rows are done


class TooManyRows(Exception):
    """More than a sheet has place for."""


@transaction.atomic
def note_export(*, actor: User | None, form: str, narrowing: str) -> None:
    """Record that users are taken out; to be called before the first of them is."""
    record(Event.USERS_EXPORTED, actor=actor, details={"format": form, "filter": narrowing[:255]})


def csv_chunks(
    users: UserQuerySet, *, has_bom: bool = False, progress: Progress | None = None
) -> Iterator[bytes]:
    """Yield the CSV (RFC 4180) in UTF-8, a chunk for each query; by id, whatever the order given.

    Importing it again changes nothing.
    """
    text = io.StringIO(BOM if has_bom else "", newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    writer.writerow(EXPORTED)
    for batch in batches_by_id(users, progress):
        writer.writerows(row_of(user) for user in batch)
        yield text.getvalue().encode(errors="replace")
        text.seek(0)
        text.truncate()
    if rest := text.getvalue():
        yield rest.encode()


def write_xlsx(users: UserQuerySet, file: IO[bytes], *, progress: Progress | None = None) -> None:
    """Write a workbook of one sheet; raises `TooManyRows`. Each text is a text, never a formula."""
    if users.count() > MAX_SHEET_ROWS:
        raise TooManyRows
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Users")
    archive = ZipFile(file, "w", ZIP_DEFLATED)
    try:
        sheet.append(list(EXPORTED))
        for batch in batches_by_id(users, progress):
            for user in batch:
                sheet.append([cell_of(sheet, value) for value in row_of(user)])
        ExcelWriter(book, archive).save()
    except BaseException:
        _give_up(sheet, archive)
        raise


def _give_up(sheet: Any, archive: ZipFile) -> None:
    """Close and remove what was begun, which on a full disk fails again: the first fault counts.

    Left to Python, it would end in warnings, and the sheet's file would stay as long as it.
    """
    with suppress(Exception):
        archive.close()
    with suppress(Exception):
        sheet.close()
    with suppress(Exception):
        sheet._writer.cleanup()  # noqa: SLF001 # nothing public removes it before the process ends


def batches_by_id(users: UserQuerySet, progress: Progress | None) -> Iterator[list[User]]:
    """Yield the users in parts: each starts behind the last one, so that no query is repeated."""
    rows = users.select_related("client").order_by("pk")
    last = done = 0
    batch: list[User] = []
    while not last or len(batch) == BATCH:
        batch = list(rows.filter(pk__gt=last)[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
        done += len(batch)
        if progress:
            progress(done)


def row_of(user: User) -> list[Any]:
    """Return the values of `EXPORTED`; texts are guarded."""
    client = user.client
    return [
        user.pk,
        guard(user.name),
        guard(user.email),
        client.pk if client else "",
        guard(client.name) if client else "",
        "administrator" if user.is_administrator else "regular",
        "true" if user.active else "false",
        user.status,
        *(
            represent_value(moment) or ""
            for moment in (user.created_at, user.updated_at, user.last_login_at)
        ),
    ]


def cell_of(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    cell.data_type = "s"
    return cell
