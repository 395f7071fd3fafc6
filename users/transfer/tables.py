"""Reading a table: CSV in whatever form programs write it, or a workbook's first visible sheet."""

import codecs
import csv
import io
import re
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, Literal

from users.transfer.columns import (
    KNOWN,
    LAST_ROW,
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_LEAD,
    MAX_RECORD,
    MAX_ROWS,
    TOO_LARGE,
    Columns,
    FileRefused,
    names_of,
    read_columns,
    too_many_rows,
)
from users.transfer.workbooks import as_csv

DELIMITERS = ",;\t"
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a caller may say of a CSV file. As in browsers, Latin-1 is the larger Windows-1252.
CHARSETS = {
    "utf-8": "utf-8-sig",
    "us-ascii": "utf-8-sig",
    "utf-16": "utf-16",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-1": "cp1252",
}
ESCAPED = re.compile("[\udc80-\udcff]")  # what is no UTF-8
BEYOND_ASCII = re.compile("[^\0-\x7f\udc80-\udcff]")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Kind = Literal["csv", "xlsx"]
Record = tuple[int, list[str]]  # the number of the row, the first being 1, and its cells


@dataclass(frozen=True)
class Table:
    """A file that can be read to its end, as often as need be; `total` rows have something."""

    file: IO[bytes]
    encoding: str
    delimiter: str
    columns: Columns
    total: int

    def rows(self) -> Iterator[Record]:
        for number, cells in records(self.file, self.encoding, self.delimiter):
            if number > self.columns.row and any(cells):
                yield number, cells


def read_table(file: IO[bytes], *, kind: Kind | None = None, charset: str = "") -> Table:
    """Look through a seekable file and return its table; `charset` is one of `CHARSETS` or "".

    Without `kind` and `charset` the content says what it is. Raises `FileRefused` for a file that
    cannot be read from end to end.
    """
    if file.seek(0, io.SEEK_END) > MAX_FILE_BYTES:
        raise FileRefused("too_large", TOO_LARGE)
    found = kind_of(file)
    if kind and found != kind:
        raise FileRefused("unreadable", f"This is no {kind.upper()} file.")
    if found == "xlsx":
        return _of_workbook(as_csv(file))
    encoding = CHARSETS[charset] if charset else encoding_of(file)
    try:
        return look_through(file, encoding, delimiter_of(file, encoding))
    except UnicodeError:
        detail = f"This is no text in {charset or 'UTF-8 or Windows-1252'}."
        raise FileRefused("unreadable", detail) from None


def _of_workbook(file: IO[bytes]) -> Table:
    try:
        table = look_through(file, "utf-8", ",")
    except FileRefused:
        file.close()
        raise
    weakref.finalize(table, file.close)
    return table


def kind_of(file: IO[bytes]) -> Kind:
    file.seek(0)
    start = file.read(4)
    if start == OLE:
        detail = "This is a workbook with a password, or of before 2007: save it as XLSX or CSV."
        raise FileRefused("unreadable", detail)
    return "xlsx" if start == ZIP else "csv"


def encoding_of(file: IO[bytes]) -> str:
    """Return the encoding by the byte order mark, or else by whether it is UTF-8.

    Raises `FileRefused` for what is neither UTF-8 nor without it.
    """
    file.seek(0)
    start = file.read(3)
    for bom, encoding in BOMS.items():
        if start.startswith(bom):
            return encoding
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    is_utf8, is_mixed = True, False
    for chunk in iter(lambda: file.read(1 << 16), b""):
        text = decoder.decode(chunk)
        is_utf8 = is_utf8 and not ESCAPED.search(text)
        is_mixed = is_mixed or bool(BEYOND_ASCII.search(text))
    if is_utf8 and not decoder.getstate()[0]:
        return "utf-8"
    if is_mixed:  # as Windows-1252, its good characters would become others unseen
        raise FileRefused(
            "unreadable", "Part of this file is UTF-8 and part is not: save it as UTF-8."
        )
    return "cp1252"


def delimiter_of(file: IO[bytes], encoding: str) -> str:
    """Return the delimiter by which the header has the most columns that are known."""

    def known(delimiter: str) -> tuple[int, int]:
        try:
            header = header_of(records(file, encoding, delimiter))
        except FileRefused:
            header = None
        if header is None:  # nothing but this delimiter, or too much of it
            return 0, MAX_COLUMNS + 1
        cells = header[1]
        return len({*names_of(cells)} & {*KNOWN, "password"}), len(cells)

    return max(DELIMITERS, key=known)


def look_through(file: IO[bytes], encoding: str, delimiter: str) -> Table:
    """Read every row once: what cannot be read is found before anything is written."""
    rows = records(file, encoding, delimiter)
    header = header_of(rows)
    if header is None:
        raise FileRefused("empty", f"The file is empty, or its first {MAX_LEAD:,} rows are.")
    columns = read_columns(*header)
    total = sum(1 for _ in islice(filled(rows), MAX_ROWS + 1))
    if total > MAX_ROWS:
        raise too_many_rows()
    return Table(file, encoding, delimiter, columns, total)


def header_of(rows: Iterator[Record]) -> Record | None:
    return next(filled(islice(rows, MAX_LEAD + 1)), None)


def filled(rows: Iterator[Record]) -> Iterator[Record]:
    return (row for row in rows if any(row[1]))


def records(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[Record]:
    """Yield every row with its number as spreadsheet programs count it."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        lines = Lines(text)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for number, cells in enumerate(reader, start=1):
            lines.read = 0
            if number > LAST_ROW:
                raise too_many_rows()
            if len(cells) > MAX_COLUMNS:
                detail = f"Row {number}: more than {MAX_COLUMNS} cells."
                raise FileRefused("unreadable", detail)
            yield number, cells
    except csv.Error as fault:
        raise FileRefused("unreadable", f"Line {reader.line_num}: {fault}.") from None
    finally:
        with suppress(ValueError):  # the file is closed already
            text.detach()  # or it would close the file


class Lines:
    """The lines of a text, ended by CR, LF or both; no row of theirs is endless."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.read = 0  # characters of the present row

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_RECORD - self.read + 1)
        if not line:
            raise StopIteration
        self.read += len(line)
        if self.read > MAX_RECORD:
            detail = f"There is a row of over {MAX_RECORD:,} characters; is a quote left open?"
            raise FileRefused("unreadable", detail)
        if "\0" in line:
            raise FileRefused("unreadable", "The file has NUL characters: it is no text.")
        return line
