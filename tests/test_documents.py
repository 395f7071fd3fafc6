"""What the documents say of the tests and of each other is so."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

BASE_DIR = Path(settings.BASE_DIR)
DOCUMENTS = sorted([BASE_DIR / "README.md", *(BASE_DIR / "docs").glob("*.md")])
HARDENING = (BASE_DIR / "docs" / "hardening.md").read_text()
SHOWN = HARDENING.partition("\n## What the tests show\n")[2].partition("\n## ")[0]

TEST = re.compile(r"`(tests/[\w/]+\.py)::([^`]+)`")
ROW = re.compile(r"^\| *(\d[^|]*?) *\|(.*)$", re.MULTILINE)
NUMBER = re.compile(r"[1-9]\d?\.[1-9]\.[1-9]\d?")
LINK = re.compile(r"(?<!!)\[[^]]*\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)

# Sections of ASVS 5.0.0 and the last requirement of levels 1 and 2 in each (those of level 3 come
# after them); without chapters 10 and 17, of which Roster has nothing.
LAST = """
1.1.2 1.2.9 1.3.11 1.4.3 1.5.2 2.1.3 2.2.3 2.3.4 2.4.1 3.2.2 3.3.4 3.4.6 3.5.5 3.7.2
4.1.3 4.2.1 4.3.2 4.4.4 5.1.1 5.2.3 5.3.2 5.4.3 6.1.3 6.2.12 6.3.4 6.4.4 6.5.5 6.6.3 6.8.4
7.1.3 7.2.4 7.3.2 7.4.5 7.5.2 7.6.2 8.1.2 8.2.3 8.3.1 8.4.1 9.1.3 9.2.4
11.1.2 11.2.3 11.3.3 11.4.4 11.5.1 11.6.1 12.1.3 12.2.2 12.3.4 13.1.1 13.2.5 13.3.2 13.4.5
14.1.2 14.2.4 14.3.3 15.1.3 15.2.3 15.3.7 16.1.1 16.2.5 16.3.4 16.4.3 16.5.3
"""


def requirements() -> Iterator[str]:
    for last in LAST.split():
        section, _, number = last.rpartition(".")
        yield from (f"{section}.{one}" for one in range(1, int(number) + 1))


def listed(text: str) -> list[str]:
    """Return what stands in the first cells of rows that begin with a digit, cut at commas."""
    return [number for row in ROW.finditer(text) for number in row[1].split(", ")]


def named_tests() -> set[tuple[str, str]]:
    return {
        (file, name) for document in DOCUMENTS for file, name in TEST.findall(document.read_text())
    }


def names_in(file: Path) -> Iterator[str]:
    """Yield the tests of a file as pytest names them, without what parametrisation adds."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            yield from (f"{node.name}::{method.name}" for method in methods)


def anchors_of(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as Git hosts make them."""
    titles = HEADING.findall(
        re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    )
    bare = (re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)
    return set(bare)


@pytest.mark.parametrize("file", sorted({file for file, _ in named_tests()}))
def test_every_test_that_a_document_names_is_there(file: str) -> None:
    named = {name.partition("[")[0] for where, name in named_tests() if where == file}

    assert named <= {name for name in names_in(BASE_DIR / file) if "test_" in name}


def test_every_claim_names_a_test() -> None:
    rows = list(ROW.finditer(SHOWN))

    assert len(rows) > 100
    assert [row[1] for row in rows if not TEST.search(row[2])] == []


def test_every_requirement_has_its_form_and_stands_in_one_place() -> None:
    numbers = listed(HARDENING)

    assert [number for number in numbers if not NUMBER.fullmatch(number)] == []
    assert [number for number, times in Counter(numbers).items() if times > 1] == []


def test_no_requirement_of_the_two_levels_is_left_out() -> None:
    wanted = list(requirements())

    assert len(wanted) == 217  # 253 in all, 36 of them in chapters 10 and 17
    assert sorted(listed(HARDENING)) == sorted(wanted)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_source_leads_somewhere(document: Path) -> None:
    for path, anchor in LINK.findall(document.read_text()):
        target = (document.parent / path).resolve() if path else document

        assert target.exists(), path
        assert not anchor or anchor in anchors_of(target), f"{path}#{anchor}"
