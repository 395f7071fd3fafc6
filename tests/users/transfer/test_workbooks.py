"""Workbooks as programs write them, and such as are made to cost time and memory."""

import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests.users.transfer.tables import workbook
from users.transfer import workbooks
from users.transfer.columns import FileRefused
from users.transfer.tables import Record, read_table


def archive(**parts: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, part in parts.items():
            target.writestr(name, part)
    return file


def with_part(name: str, xml: bytes, base: io.BytesIO | None = None) -> io.BytesIO:
    """Return a workbook one of whose parts is this."""
    source, file = zipfile.ZipFile(base or workbook(["email"], ["a@b.example"])), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, xml if part.filename == name else source.read(part))
    return file


def with_strings(xml: bytes) -> io.BytesIO:
    """Return a workbook with a table of texts, which openpyxl does not write."""
    name = "xl/_rels/workbook.xml.rels"
    relations = zipfile.ZipFile(workbook(["email"])).read(name)
    more = b'<Relationship Id="s" Type="x/sharedStrings" Target="SharedStrings.xml"/></'
    file = with_part(name, relations.replace(b"</", more))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as target:
        target.writestr("xl/sharedStrings.xml", xml)
    return file


def with_sheet(xml: bytes) -> io.BytesIO:
    return with_part("xl/worksheets/sheet1.xml", xml)


def of_rows(xml: str) -> io.BytesIO:
    return with_sheet(SHEET + xml.encode() + b"</sheetData></worksheet>")


def rows(file: io.BytesIO) -> list[Record]:
    return list(read_table(file).rows())


HEAD = '<row r="1"><c r="A1" t="str"><v>email</v></c></row>'
NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
FAR_ROW = SHEET + b'<row r="99999999999"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
FAR_CELL = SHEET + b'<row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + SHEET + b"</sheetData></worksheet>"


@pytest.mark.parametrize(
    "file",
    [
        archive(readme=b"Not a workbook"),
        archive(bomb=b"0" * (workbooks.MAX_UNPACKED + 1)),
        with_sheet(FAR_ROW),
        with_sheet(FAR_CELL),
        with_sheet(ENTITY),
        with_sheet(b"<" * 100),
        with_sheet(SHEET + b"<a>" * 1000),
    ],
    ids=["other", "bomb", "far-row", "far-cell", "entity", "broken", "deep"],
)
def test_refuses_a_workbook_that_is_none_or_too_much(file: io.BytesIO) -> None:
    with pytest.raises(FileRefused) as refusal:
        read_table(file)

    assert refusal.value.code in ("unreadable", "too_large", "too_many_rows")


def test_refuses_a_part_with_too_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_ELEMENTS", 5)

    with pytest.raises(FileRefused, match="unpacks to more"):
        read_table(workbook(["email"], ["a"], ["b"]))


COSTLY: dict[str, Callable[[], io.BytesIO]] = {
    "fonts": lambda: with_part(
        "xl/styles.xml", b"<s><fonts>" + b"<font/>" * 250_000 + b"</fonts></s>"
    ),
    "strings": lambda: with_strings(b"<sst>" + b"<si/>" * 250_000 + b"</sst>"),
    "relations": lambda: with_part(
        "xl/_rels/workbook.xml.rels", b"<r>" + b"<r/>" * 250_000 + b"</r>"
    ),
    "cells": lambda: of_rows('<row r="1">' + "<c/>" * 2_000_000 + "</row>"),
    "one-text": lambda: of_rows(f'<row r="1"><c t="str"><v>{"a" * 50_000_000}</v></c></row>'),
    "many-texts": lambda: of_rows(
        '<row r="1"><c t="inlineStr"><is>' + "<r><t>aaaaaaaa</t></r>" * 500_000 + "</is></c></row>"
    ),
    "one-attribute": lambda: of_rows(f'<row r="1"><c r="{"A" * 50_000_000}"/></row>'),
    "one-remark": lambda: of_rows(f"<!--{' ' * 50_000_000}-->"),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_refuses_what_costs_much_before_it_does(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_STRINGS", workbooks.MAX_OTHER)
    file = COSTLY[kind]()

    start = time.process_time()
    with pytest.raises(FileRefused) as refusal:
        read_table(file)
    seconds = time.process_time() - start

    assert refusal.value.code in ("too_large", "unreadable")
    assert seconds < 10


def test_a_refusal_takes_little_memory() -> None:
    kinds = ("one-text", "many-texts", "one-attribute", "one-remark")
    files = [COSTLY[kind]() for kind in kinds]

    tracemalloc.start()
    try:
        for file in files:
            with pytest.raises(FileRefused):
                read_table(file)
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_parts_that_are_not_needed_are_not_read() -> None:
    file = with_part("xl/theme/theme1.xml", b"<a>" + b"<b/>" * 1_000_000)

    assert rows(with_part("docProps/core.xml", b"<broken", file)) == [(2, ["a@b.example"])]


def test_empty_cells_at_the_end_are_no_cells() -> None:
    empty = "".join(f'<row r="{row}"><c r="IW{row}" s="0"/></row>' for row in range(2, 5000))
    table = read_table(of_rows(HEAD + empty + '<row r="6000"><c r="A6000"><v>1</v></c></row>'))

    assert list(table.rows()) == [(6000, ["1"])]
    assert table.file.seek(0, io.SEEK_END) < 20_000


@pytest.mark.parametrize(
    "xml",
    [
        '<row r="2"/><row r="1"/>',
        '<row r="1"><c r="B1"/><c r="A1"/></row>',
        '<row r="1"><c r="XFE1"/></row>',
        '<row r="1"><c r="1"/></row>',
        '<row r="x"/>',
        '<row r="1"><c t="s"><v>9</v></c></row>',
        '<row r="1"><c><v>x</v></c></row>',
    ],
)
def test_refuses_a_sheet_that_contradicts_itself(xml: str) -> None:
    with pytest.raises(FileRefused, match="no workbook"):
        read_table(of_rows(xml))


def test_counts_rows_that_have_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_ROWS", 2)
    more: list[list[Any]] = [[], ["a"], [None], ["b"]]

    assert [number for number, _ in rows(workbook(["email"], *more))] == [3, 5]
    with pytest.raises(FileRefused, match="at most"):
        read_table(workbook(["email"], *more, ["c"]))


def book_of(**states: str) -> Workbook:
    """Return a workbook of sheets in this order; each names itself."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, state in states.items():
        sheet: Any = book.create_sheet(name)
        sheet.append(["email"])
        sheet.append([name])
        sheet.sheet_state = state
    return book


def saved(book: Workbook) -> io.BytesIO:
    file = io.BytesIO()
    book.save(file)
    return file


def test_reads_the_first_sheet_that_is_visible() -> None:
    book = book_of(a="hidden", b="veryHidden", c="visible", d="visible")
    book.active = 3

    assert rows(saved(book)) == [(2, ["c"])]


def test_passes_over_sheets_of_charts() -> None:
    book = book_of(a="visible")
    book.create_chartsheet("chart", 0)

    assert rows(saved(book)) == [(2, ["a"])]


def test_refuses_a_workbook_of_which_nothing_is_visible() -> None:
    book = zipfile.ZipFile(saved(book_of(a="visible"))).read("xl/workbook.xml")
    hidden = book.replace(b'state="visible"', b'state="hidden"')
    assert hidden != book

    with pytest.raises(FileRefused, match="no sheet of cells that is visible"):
        read_table(with_part("xl/workbook.xml", hidden))


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
def test_reads_dates_and_lengths_of_time(epoch: datetime | None) -> None:
    book = Workbook()
    if epoch:
        book.epoch = epoch
    sheet: Any = book.active
    sheet.append(["email", "name", "client", "role"])
    sheet.append([date(2026, 1, 31), datetime(2026, 1, 31, 12, 30), 0.5, 1.5])  # noqa: DTZ001 # cells have no zone
    sheet["C2"].number_format = "hh:mm"
    sheet["D2"].number_format = "[h]:mm"

    assert rows(saved(book)) == [
        (2, ["2026-01-31T00:00:00", "2026-01-31T12:30:00", "12:00:00", "1 day, 12:00:00"])
    ]


def test_a_date_beyond_all_dates_is_no_value() -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["email"])
    sheet.append([1e12])
    sheet["A2"].number_format = "yyyy-mm-dd"

    assert rows(saved(book)) == [(2, ["#VALUE!"])]


def test_reads_every_kind_of_cell() -> None:
    strings = "<si><r><t>a</t></r><r><t>b</t></r><rPh><t>READ ALOUD</t></rPh></si><si/>"
    base = with_strings(f"<sst {NS}>{strings}</sst>".encode())
    row = (
        '<x:row><x:c t="s"><x:v>0</x:v></x:c><x:c t="b"><x:v>1</x:v></x:c>'
        '<x:c t="inlineStr"><x:is><x:t>c</x:t><x:rPh><x:t>d</x:t></x:rPh></x:is></x:c>'
        '<x:c t="e"><x:v>#N/A</x:v></x:c><x:c><x:f>1+1</x:f><x:v>2</x:v></x:c>'
        '<x:c t="d"><x:v>2026-01-31</x:v></x:c><x:c><x:v>1E2</x:v></x:c>'
        '<x:c t="s"><x:v>1</x:v></x:c></x:row>'
    )
    names = ("email", "name", "client", "role", "active", "invite", "id")
    head = "".join(f'<x:c t="str"><x:v>{name}</x:v></x:c>' for name in names)
    sheet = f"<x:sheetData><x:row>{head}</x:row>{row}</x:sheetData>"
    xml = f'<x:worksheet xmlns:x="urn:x">{sheet}<x:row>1</x:row></x:worksheet>'

    assert rows(with_part("xl/worksheets/sheet1.xml", xml.encode(), base)) == [
        (2, ["ab", "true", "c", "#N/A", "2", "2026-01-31", "100"])
    ]
