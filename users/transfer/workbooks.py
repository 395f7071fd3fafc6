"""Workbooks (XLSX): the first sheet as CSV, so that one reader reads both."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from openpyxl import load_workbook

from users.transfer.cells import text_of
from users.transfer.columns import LAST_ROW, MAX_COLUMNS, MAX_ROWS, FileRefused, too_many_rows

MAX_UNPACKED = 160 * 1024 * 1024  # bytes of all parts together: 200,000 rows have about half
MAX_PARTS = 1000
MAX_ELEMENTS = 6_000_000  # of one part
MAX_DEPTH = 32
SPOOL = 1024 * 1024
UNREADABLE = "This is no workbook (XLSX) that can be read."


def as_csv(file: IO[bytes]) -> IO[bytes]:
    """Return a temporary CSV file in UTF-8 of the sheet that was shown last; dates as ISO 8601.

    Raises `FileRefused`. Formulae count for the value that was saved with them.
    """
    check_archive(file)
    file.seek(0)
    target = tempfile.TemporaryFile()  # noqa: SIM115 # the table reads it later
    text = io.TextIOWrapper(target, "utf-8", "replace", newline="", write_through=True)
    writer = csv.writer(text)
    try:
        for row in rows_of(file):
            writer.writerow([text_of(value).replace("\0", "\ufffd") for value in row])
        text.flush()
        text.detach()
    except FileRefused:
        text.close()
        raise
    except Exception:  # noqa: BLE001 # openpyxl lets through whatever a broken part leads to
        text.close()
        raise FileRefused("unreadable", UNREADABLE) from None
    return target


def rows_of(file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    sheets = book.worksheets
    sheet: Any = book.active if book.active in sheets else sheets[0]
    sheet.reset_dimensions()  # what the file says of them may be wrong
    filled = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > LAST_ROW or filled > MAX_ROWS:
            raise too_many_rows()
        if len(row) > MAX_COLUMNS:
            raise FileRefused("unreadable", f"Row {number}: more than {MAX_COLUMNS} cells.")
        filled += any(value is not None for value in row)
        yield row


def check_archive(file: IO[bytes]) -> None:
    """Refuse what would unpack to far more than it says or needs; see also `check_part`.

    `zipfile` reads no more of a part than its announced size.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise FileRefused("too_large", "This workbook unpacks to more than is taken.")
            for part in parts:
                with archive.open(part) as stream:
                    check_part(stream)
    except FileRefused:
        raise
    except Exception:  # noqa: BLE001 # a broken or encrypted archive raises all kinds
        raise FileRefused("unreadable", UNREADABLE) from None


def check_part(stream: IO[bytes]) -> None:
    """Refuse XML with a document type (entities), or of more elements than fit into memory."""
    left, depth = MAX_ELEMENTS, 0

    def start(*_: Any) -> None:
        nonlocal left, depth
        left -= 1
        depth += 1
        if left < 0 or depth > MAX_DEPTH:
            raise FileRefused("too_large", "This workbook unpacks to more than is taken.")

    def end(_: Any) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: Any) -> None:
        raise FileRefused("unreadable", UNREADABLE)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        for chunk in iter(lambda: stream.read(SPOOL), b""):
            parser.Parse(chunk, False)
    except expat.ExpatError:  # a picture, or what openpyxl will not get past either
        return
