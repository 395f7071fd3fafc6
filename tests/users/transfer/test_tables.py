"""Files as programs write them, and files that are none."""

import codecs
import io
from datetime import date
from typing import Any

import pytest

from tests.users.transfer.tables import workbook
from users.transfer import tables
from users.transfer.columns import LAST_ROW, FileRefused
from users.transfer.tables import read_table

ROW = ["Zoë", "zoe@example.com"]


def cells(data: bytes, **how: Any) -> list[tuple[int, list[str]]]:
    return list(read_table(io.BytesIO(data), **how).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_reads_what_programs_write(encoding: str, delimiter: str, end: str) -> None:
    text = end.join(delimiter.join(row) for row in (["Name", " EMAIL "], ROW))

    assert cells(text.encode(encoding)) == [(2, ROW)]


def test_a_charset_that_is_named_counts() -> None:
    assert cells("name,email\nZoë,z".encode(), charset="windows-1252") == [(2, ["ZoÃ«", "z"])]


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("José".encode(), b"\xe9"),
        (b"\xe9", "José".encode()),
        ("\u4e2d".encode(), "\u4e2d".encode()[:2]),
        ("😀".encode(), b"\xed\xa0\x80"),
        (codecs.BOM_UTF8, b"\xe9"),
    ],
)
@pytest.mark.parametrize("apart", [0, 65_533, 65_535, 100_000])
def test_refuses_what_is_only_partly_utf8(head: bytes, tail: bytes, apart: int) -> None:
    lead = b"" if head == codecs.BOM_UTF8 else b"email\n"

    with pytest.raises(FileRefused) as refusal:
        cells(head.join([lead, b"\n" if lead else b"email\n"]) + b"a" * apart + tail)

    assert refusal.value.code == "unreadable"


def test_windows_1252_alone_and_utf8_alone_are_read() -> None:
    assert cells("name,email\nJosé,“é”\n".encode("cp1252")) == [(2, ["José", "“é”"])]
    split = "é" * 40_000  # over the end of what is read at once
    assert cells(f"name,email\n\n{split},a".encode()) == [(3, [split, "a"])]


@pytest.mark.parametrize("end", [b"\n", b",\n", b";;\r\n"])
def test_seeks_the_header_in_the_first_rows_alone(end: bytes) -> None:
    assert cells(end * 1000 + b"email\na\n") == [(1002, ["a"])]
    with pytest.raises(FileRefused, match="empty, or its first 1,000 rows are"):
        cells(end * 1001 + b"email\na\n")


def test_counts_rows_as_spreadsheet_programs_do() -> None:
    text = b'name,email\n\n"two\nlines",a\n,\nlast,b\n'

    assert cells(text) == [(3, ["two\nlines", "a"]), (5, ["last", "b"])]


def test_reads_a_table_again_and_again() -> None:
    table = read_table(io.BytesIO(b"email\na\nb\n"))

    assert list(table.rows()) == list(table.rows()) == [(2, ["a"]), (3, ["b"])]
    assert table.total == 2


def test_reads_cells_of_a_workbook_as_text() -> None:
    file = workbook(["email", "Client ID", "active", "name"], [],
                    ["a@b.example", 7.0, True, date(2026, 1, 31)],
                    ["=1+1", 7.5, None, "'=x"])  # fmt: skip

    assert list(read_table(file, kind="xlsx").rows()) == [
        (3, ["a@b.example", "7", "true", "2026-01-31T00:00:00"]),
        (4, ["", "7.5", "", "'=x"]),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\n,,\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"name\nAda\n", "no_key_column"),
        (b"email,salary\n", "unknown_column"),
        (b"email,Email\n", "duplicate_column"),
        (b"email,password\n", "password_column"),
        (b"email\na\0b\n", "unreadable"),
        (bytes(range(256)) * 10, "unreadable"),
        (b'email\n"a\n', "unreadable"),
        (b'email\n"a"b\n', "unreadable"),
        (b"email\n" + b"a" * 200_000, "unreadable"),
        (b"email" + b"," * 10_000 + b"\n", "unreadable"),
        (b'email\n"' + b"a\n" * 200_000, "unreadable"),
        (b"email\n" + b"\n" * LAST_ROW, "too_many_rows"),
        (b"\xff\xfea", "unreadable"),
        (b"email\n\x81\n", "unreadable"),
        (b"PK\x03\x04 and no more", "unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 100, "unreadable"),
    ],
)
def test_refuses_what_is_no_table(data: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        cells(data)

    assert refusal.value.code == code
    assert len(refusal.value.detail) < 300


def test_refuses_a_file_of_another_kind_than_was_said() -> None:
    with pytest.raises(FileRefused, match="no XLSX file"):
        cells(b"email\n", kind="xlsx")
    with pytest.raises(FileRefused, match="no CSV file"):
        read_table(workbook(["email"]), kind="csv")


def test_refuses_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    with pytest.raises(FileRefused) as rows:
        cells(b"email\n1\n2\n3\n")
    monkeypatch.setattr(tables, "MAX_FILE_BYTES", 3)
    with pytest.raises(FileRefused) as size:
        cells(b"email\n1\n2\n")

    assert (rows.value.code, size.value.code) == ("too_many_rows", "too_large")
