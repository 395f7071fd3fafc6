"""Cells are no formulae, whatever the program splits a line by, and come back as they were."""

import csv
import io
import time

import pytest
from hypothesis import given, strategies as st

from users.transfer.cells import guard, unguard

FORMULAE = "=+-@\uff1d\uff0b\uff0d\uff20"
TEXTS = st.text(st.sampled_from(f"{FORMULAE}'\" ,;\t\r\n\xa0a1"), max_size=12)


def cells_seen(row: list[str], delimiter: str) -> list[str]:
    """Return the cells that a program with this delimiter makes of the row's CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    text.seek(0)
    return [cell for cells in csv.reader(text, delimiter=delimiter) for cell in cells]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\r",
        "'=1",
        "''=1",
        " =1",
        '"=1',
        "\uff1d1",
        "'",
        "O'Hara",
        "a;b",
        "",
    ],
)
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    guarded = guard(text)

    assert unguard(guarded) == text
    assert guarded in (text, f"'{text}")
    assert guarded[:1] not in tuple("=+-@\t\r\n\uff1d")


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("x;=cmd|' /C calc'!A0;y", "x;'=cmd|' /C calc'!A0;y"),
        ("x\t@SUM(1)", "x\t'@SUM(1)"),
        ("x, y\n-1", "x, y\n'-1"),  # within quotes that this program takes for characters
        ('x; "+1', "x;' \"+1"),
        ("\t=1", "'\t'=1"),
        ("a-b;c=d", "a-b;c=d"),
    ],
)
def test_guards_where_another_program_begins_a_cell(text: str, guarded: str) -> None:
    assert guard(text) == guarded
    assert unguard(guarded) == text


@given(TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert unguard(guard(text)) == text


@given(st.lists(TEXTS, min_size=1, max_size=3), st.sampled_from(",;\t"))
def test_no_delimiter_makes_a_formula(texts: list[str], delimiter: str) -> None:
    cells = cells_seen(["1", *map(guard, texts)], delimiter)

    assert not [cell for cell in cells if cell.lstrip('"\xa0 ').startswith(tuple(FORMULAE))]


@pytest.mark.parametrize("text", ["\t " * 50_000, ";'" * 50_000, "'" * 100_000])
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()

    assert unguard(guard(text)) == text
    assert time.process_time() - start < 2
