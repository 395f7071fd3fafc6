"""What an export holds, and that it can be imported again."""

import csv
import io
import tempfile
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook
from typing_extensions import override

from tests.factories import ClientFactory, InvitedFactory, UserFactory
from tests.users.transfer.tables import counts
from users.models import User
from users.transfer import exporting
from users.transfer.columns import EXPORTED
from users.transfer.exporting import TooManyRows, csv_chunks, write_xlsx
from users.transfer.importing import rehearse
from users.transfer.tables import read_table

pytestmark = pytest.mark.django_db

EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "'=1",
    "a,b;c\t",
    '"q"',
    "\u202dx",
    "\uff1d1",
    "O'Hara",
    "<b>",
]


@pytest.fixture
def crowd(administrator: User, inactive: User) -> list[User]:
    """All kinds of users; names as others may have put them into the table."""
    client = ClientFactory(name="=cmd|' /C calc'!A0")
    evil = [UserFactory(name=name, client=client) for name in EVIL]
    return [administrator, inactive, InvitedFactory(), *evil]


def exported() -> list[list[str]]:
    text = b"".join(csv_chunks(User.objects.all())).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def workbook() -> io.BytesIO:
    file = io.BytesIO()
    write_xlsx(User.objects.all(), file)
    return file


def test_has_what_may_be_seen_and_no_secret(crowd: list[User]) -> None:
    head, ada, ina, *_ = exported()

    assert tuple(head) == EXPORTED
    assert ada[1:8] == [
        "Ada Lovelace",
        "ada@example.com",
        "",
        "",
        "administrator",
        "true",
        "active",
    ]
    assert ina[4:8] == ["Acme", "regular", "false", "inactive"]
    text = b"".join(csv_chunks(User.objects.all())).decode()
    assert not any(user.password in text for user in User.objects.all())


def test_no_cell_is_a_formula(crowd: list[User]) -> None:
    begins = {cell[:1] for row in exported() for cell in row}
    assert not begins & {*"=+-@\t\r\n\uff1d"}

    sheet = load_workbook(workbook()).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"n", "s"}


def test_importing_it_again_changes_nothing(crowd: list[User]) -> None:
    text = io.BytesIO(b"".join(csv_chunks(User.objects.all(), has_bom=True)))

    for file in (text, workbook()):
        report = rehearse(read_table(file), actor=None)
        assert counts(report) == (0, 0, len(crowd), 0), report.refusals


def test_keeps_to_the_filter_and_to_one_query_a_batch(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH", 4)

    with CaptureQueriesContext(connection) as queries:
        rows = b"".join(csv_chunks(User.objects.regular().order_by("-name"))).splitlines()

    assert len(rows) == len(crowd)
    assert len(queries) == len(crowd) // 4 + 1


def test_is_never_without_the_names_of_the_columns() -> None:
    assert exported() == [list(EXPORTED)]
    assert read_table(workbook()).total == 0


def test_what_no_sheet_can_hold_is_told(crowd: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.filter(pk=crowd[0].pk).update(name="a\x01b")
    sheet = load_workbook(workbook()).active
    assert sheet is not None
    assert sheet["B2"].value == "a\ufffdb"

    monkeypatch.setattr(exporting, "MAX_SHEET_ROWS", 1)
    with pytest.raises(TooManyRows):
        workbook()


class Full(io.BytesIO):
    """A file on a full disk."""

    @override
    def write(self, part: Any) -> int:
        raise OSError(ENOSPC, "No space left on device")


def test_a_full_disk_is_what_is_told_and_nothing_is_left(
    crowd: list[User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with pytest.raises(OSError, match="No space left on device"), Full() as file:
        write_xlsx(User.objects.all(), file)

    assert [*tmp_path.iterdir()] == []
