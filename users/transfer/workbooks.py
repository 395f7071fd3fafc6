"""Workbooks (XLSX, ISO/IEC 29500): the first sheet that is visible as CSV, for one reader of both.

Only the parts that hold the cells are read, as a stream and within limits: a library that builds
objects of fonts, pictures and what else there is can be made to work for minutes.
"""

import csv
import io
import posixpath
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601
from typing_extensions import override

from users.transfer.cells import text_of
from users.transfer.columns import LAST_ROW, MAX_COLUMNS, MAX_ROWS, FileRefused, too_many_rows

MAX_UNPACKED = 160 * 1024 * 1024  # bytes of all parts together: 200,000 rows have about half
MAX_PARTS = 1000
MAX_ELEMENTS = 6_000_000  # of the sheet
MAX_STRINGS = 2_000_000  # elements of the table of texts
MAX_OTHER = 200_000  # elements of any other part
MAX_DEPTH = 32
MAX_TEXT = 65_536  # characters of a cell; Excel has 32,767
MAX_TAG = 1024 * 1024  # bytes of one tag or remark
LAST_COLUMN = 16_384  # where a sheet ends in every program
CHUNK = 64 * 1024
UNREADABLE = "This is no workbook (XLSX) that can be read."

Attributes = dict[str, str]


def too_large() -> FileRefused:
    return FileRefused("too_large", "This workbook unpacks to more than is taken.")


def refuse(*_: Any) -> None:
    raise unreadable()


def unreadable(detail: str = UNREADABLE) -> FileRefused:
    return FileRefused("unreadable", detail)


def as_csv(file: IO[bytes]) -> IO[bytes]:
    """Return a temporary CSV file in UTF-8 of the first sheet that is visible; dates as ISO 8601.

    Raises `FileRefused`. Formulae count for the value that was saved with them.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115 # the table reads it later
    text = io.TextIOWrapper(target, "utf-8", "replace", newline="", write_through=True)
    writer = csv.writer(text)
    try:
        for row in rows_of(file):
            writer.writerow(row)
        text.flush()
        text.detach()
    except FileRefused:
        text.close()
        raise
    except Exception:  # noqa: BLE001 # a broken or encrypted archive raises all kinds
        text.close()
        raise unreadable() from None
    return target


def rows_of(file: IO[bytes]) -> Iterator[list[str]]:
    """Yield every row from the first one on, each to its last cell that is not empty."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise too_large()
        sheet, stream = open_sheet(archive)
        filled, last = 0, 0
        with stream:
            for _ in feed(stream, sheet, MAX_ELEMENTS):
                for number, cells in sheet.take():
                    filled += 1
                    if filled > MAX_ROWS + 1:
                        raise too_many_rows()
                    yield from ([] for _ in range(last + 1, number))
                    yield cells
                    last = number


def open_sheet(archive: zipfile.ZipFile) -> tuple["Sheet", IO[bytes]]:
    """Return the first sheet that is visible, in the order of the tabs, and its XML."""
    root = relations_of(archive, "")
    path = next(target for kind, target in root.values() if kind == "officeDocument")
    book, relations = Book(), relations_of(archive, path)
    read_part(archive, path, book)
    strings, styles = Strings(), Styles()
    for kind, target in relations.values():
        if kind == "sharedStrings":
            read_part(archive, target, strings, MAX_STRINGS)
        if kind == "styles":
            read_part(archive, target, styles)
    for relation in book.visible:
        kind, target = relations[relation]
        if kind == "worksheet":  # not a chart
            return Sheet(book, strings, styles), open_part(archive, target)
    raise unreadable("This workbook has no sheet of cells that is visible.")


def relations_of(archive: zipfile.ZipFile, path: str) -> dict[str, tuple[str, str]]:
    """Return by their names what a part leads to: the kind, and the path in the archive."""
    folder, name = posixpath.split(path)
    relations = Relations(folder)
    read_part(archive, posixpath.join(folder, "_rels", f"{name}.rels"), relations)
    return relations.found


def open_part(archive: zipfile.ZipFile, path: str) -> IO[bytes]:
    """Open a part by its name, in which upper and lower case are the same (ISO/IEC 29500-2)."""
    folded = path.lower()
    return archive.open(next(name for name in archive.namelist() if name.lower() == folded))


class Part:
    """What is taken of one part of a workbook; tags come without their prefix."""

    is_text = False  # whether characters belong to what is taken
    text: list[str]

    def __init__(self) -> None:
        self.text = []

    def start(self, tag: str, attributes: Attributes) -> None:
        """Take a tag that opens."""

    def end(self, tag: str) -> None:
        """Take a tag that closes."""


def read_part(
    archive: zipfile.ZipFile, path: str, part: Part, max_elements: int = MAX_OTHER
) -> None:
    with open_part(archive, path) as stream:
        for _ in feed(stream, part, max_elements):
            pass


def feed(stream: IO[bytes], part: Part, max_elements: int) -> Iterator[None]:
    """Give the tags of some XML to a part, a chunk each time; refuse what goes beyond limits.

    A document type is refused, too, as entities grow.
    """
    left, depth, length, silent = max_elements, 0, 0, 0

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal left, depth, silent
        left -= 1
        depth += 1
        silent = 0
        if left < 0 or depth > MAX_DEPTH:
            raise too_large()
        part.start(tag.rpartition(":")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth, length, silent
        depth -= 1
        silent = 0
        part.end(tag.rpartition(":")[2])
        if not part.text:
            length = 0

    def characters(text: str) -> None:
        nonlocal length, silent
        silent = 0
        if part.is_text:
            length += len(text)
            if length > MAX_TEXT:
                raise too_large()
            part.text.append(text)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        silent += len(chunk)
        parser.Parse(chunk, False)
        if silent > MAX_TAG:
            raise too_large()
        yield
    parser.Parse(b"", True)
    yield


class Relations(Part):
    """Which parts a part leads to."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    @override
    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", self.folder, attributes["Target"].replace("\\", "/"))
            kind = attributes["Type"].rpartition("/")[2]
            self.found[attributes["Id"]] = kind, posixpath.normpath(target).lstrip("/")


class Book(Part):
    """Which sheets are visible, and from when days are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.visible: list[str] = []
        self.epoch = WINDOWS_EPOCH

    @override
    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.epoch = MAC_EPOCH
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            names = (name for key, name in attributes.items() if key.endswith(":id"))
            self.visible.extend(names)


class Strings(Part):
    """The texts that cells have by number, without how they are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_phonetic = False

    @override
    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "t":
            self.is_text = not self.is_phonetic
        elif tag == "rPh":
            self.is_phonetic = True

    @override
    def end(self, tag: str) -> None:
        if tag == "t":
            self.is_text = False
        elif tag == "rPh":
            self.is_phonetic = False
        elif tag == "si":
            self.found.append("".join(self.text).replace("x005F_", ""))
            self.text = []


class Styles(Part):
    """Which styles of cells are dates or lengths of time."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, str] = {}
        self.numbers: list[int] = []  # of the format, by style
        self.is_cells = False
        self.kinds: dict[int, tuple[bool, bool]] = {}

    @override
    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "cellXfs":
            self.is_cells = True
        elif tag == "xf" and self.is_cells:
            self.numbers.append(int(attributes.get("numFmtId", 0)))
        elif tag == "numFmt":
            self.codes[int(attributes["numFmtId"])] = attributes["formatCode"][:255]

    @override
    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self.is_cells = False

    def kind_of(self, style: int) -> tuple[bool, bool]:
        """Tell whether a style is a date, and whether it is a length of time."""
        if style not in self.kinds:
            number = self.numbers[style] if style < len(self.numbers) else 0
            code = self.codes.get(number) or builtin_format_code(number)
            is_date = bool(code and is_date_format(code))
            self.kinds[style] = is_date, bool(code and is_timedelta_format(code))
        return self.kinds[style]


class Sheet(Part):
    """The rows of a sheet that have something in them."""

    def __init__(self, book: Book, strings: Strings, styles: Styles) -> None:
        super().__init__()
        self.epoch, self.strings, self.styles = book.epoch, strings.found, styles
        self.rows: list[tuple[int, list[str]]] = []
        self.number = self.column = 0
        self.cells: list[str] = []
        self.cell: Attributes = {}
        self.value_tag = ""
        self.is_data = self.is_phonetic = False
        self.columns: dict[str, int] = {}

    def take(self) -> list[tuple[int, list[str]]]:
        """Return the rows since the last time, each with its number."""
        rows, self.rows = self.rows, []
        return rows

    @override
    def start(self, tag: str, attributes: Attributes) -> None:
        if not self.is_data:
            self.is_data = tag == "sheetData"
        elif tag == "c":
            self._start_cell(attributes)
        elif tag == self.value_tag:
            self.is_text = not self.is_phonetic
        elif tag == "rPh":
            self.is_phonetic = True
        elif tag == "row":
            self._start_row(attributes)

    @override
    def end(self, tag: str) -> None:
        if tag == self.value_tag:
            self.is_text = False
        elif tag == "c":
            self._end_cell()
        elif tag == "row" and self.cells:
            self.rows.append((self.number, self.cells))
            self.cells = []
        elif tag == "rPh":
            self.is_phonetic = False
        elif tag == "sheetData":
            self.is_data = False

    def _start_row(self, attributes: Attributes) -> None:
        number = int(attributes.get("r", self.number + 1))
        if number > LAST_ROW:
            raise too_many_rows()
        if number <= self.number:
            raise unreadable()
        self.number, self.column, self.cells = number, 0, []

    def _start_cell(self, attributes: Attributes) -> None:
        self.cell, self.text = attributes, []
        self.value_tag = "t" if attributes.get("t") == "inlineStr" else "v"
        place = attributes.get("r")
        column = self._column_of(place) if place else self.column + 1
        if not self.column < column <= LAST_COLUMN:
            raise unreadable()
        self.column = column

    def _column_of(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        if letters not in self.columns:
            column = 0
            for letter in letters[:4]:
                column = column * 26 + ord(letter) - 64
            self.columns[letters] = column
        return self.columns[letters]

    def _end_cell(self) -> None:
        self.value_tag = ""
        text = "".join(self.text)
        self.text = []
        if not text:
            return
        value = text_of(self._value_of(text)).replace("\0", "\ufffd")
        if not value:
            return
        if self.column > MAX_COLUMNS:
            raise unreadable(f"Row {self.number}: more than {MAX_COLUMNS} cells.")
        self.cells += [""] * (self.column - 1 - len(self.cells))
        self.cells.append(value)

    def _value_of(self, text: str) -> Any:
        kind = self.cell.get("t", "n")
        if kind == "s":
            return self.strings[int(text)]
        if kind == "n":
            return self._number_of(text)
        if kind == "b":
            return bool(int(text))
        if kind == "d":
            return from_ISO8601(text)  # type: ignore[no-untyped-call] # its stub has no types
        return text

    def _number_of(self, text: str) -> Any:
        value = float(text) if {*text} & {*".eE"} else int(text)
        is_date, is_length = self.styles.kind_of(int(self.cell.get("s", 0)))
        if not is_date:
            return value
        try:
            return from_excel(value, self.epoch, timedelta=is_length)
        except (OverflowError, ValueError):
            return "#VALUE!"
