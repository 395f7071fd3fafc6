"""`manage.py import_users` and `export_users`."""

import io
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clients.models import Client
from tests.factories import AdministratorFactory, UserFactory
from users.models import User

pytestmark = pytest.mark.django_db
GOOD = "name,email,client\nX,x@example.com,acme\n"
BAD = GOOD + "Y,y,acme\n"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def table(tmp_path: Path, acme: Client) -> Path:
    file = tmp_path / "users.csv"
    file.write_text(BAD)
    return file


def test_imports_and_tells_what_was_done(table: Path) -> None:
    table.write_text(GOOD)

    told = run("import_users", str(table))

    assert told == "Imported: new: 1, changed: 0, unchanged: 0, refused: 0.\n"
    assert User.objects.get().email == "x@example.com"


def test_a_dry_run_writes_nothing(table: Path) -> None:
    table.write_text(GOOD)

    assert "Nothing was written." in run("import_users", str(table), "--dry-run")
    assert not User.objects.exists()


@pytest.mark.parametrize(("options", "made"), [([], 0), (["--skip-refused"], 1)])
def test_refused_rows_are_a_failure(table: Path, options: list[str], made: int) -> None:
    report = table.with_name("report.csv")
    out = io.StringIO()

    with pytest.raises(CommandError, match="Refused rows: 1"):
        call_command("import_users", str(table), "--report", str(report), *options, stdout=out)

    assert "Row 3, email: Enter a valid email address.\n" in out.getvalue()
    assert User.objects.count() == made
    assert report.read_text().splitlines()[2].startswith("3,refused,email,invalid,")
    assert report.stat().st_mode & 0o777 == 0o600


def test_reads_the_standard_input(acme: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))

    assert "new: 1" in run("import_users", "-")


@pytest.mark.parametrize("text", ["", "email,password\n", "email\n\0"])
def test_a_useless_file_is_an_error_in_one_line(table: Path, text: str) -> None:
    table.write_text(text)

    with pytest.raises(CommandError):
        run("import_users", str(table))


def test_a_missing_file_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run("import_users", str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match="No such file"):
        run("export_users", str(tmp_path / "none" / "users.csv"))


def test_never_leaves_nobody_who_administers(table: Path, administrator: User) -> None:
    table.write_text("email,active\nada@example.com,no\n")

    with pytest.raises(CommandError, match="no active administrator"):
        run("import_users", str(table))
    administrator.refresh_from_db()
    assert administrator.active


def test_shows_only_the_first_refusals(table: Path) -> None:
    table.write_text("name,email,client\n" + "Y,y,acme\n" * 30)
    out = io.StringIO()

    with pytest.raises(CommandError):
        call_command("import_users", str(table), stdout=out)

    assert out.getvalue().count("Enter a valid email address.") == 20


@pytest.mark.parametrize("name", ["users.csv", "users.xlsx"])
def test_what_is_exported_can_be_imported(tmp_path: Path, regular: User, name: str) -> None:
    file = tmp_path / name

    assert "Exported users: 1." in run("export_users", str(file))

    assert file.stat().st_mode & 0o777 == 0o600
    assert "unchanged: 1," in run("import_users", str(file))
    assert [*tmp_path.iterdir()] == [file]


def test_exports_those_who_are_chosen(
    regular: User, inactive: User, capfdbinary: Any, acme: Client
) -> None:
    AdministratorFactory()
    UserFactory()
    chosen = ("--client", str(acme.pk), "--role", "regular", "--status", "active")

    run("export_users", "-", *chosen, "--search", "rita")

    assert [*capfdbinary.readouterr().out.splitlines()][1].startswith(f"{regular.pk},".encode())
    run("export_users", "-", "--role", "administrator")
    assert len(capfdbinary.readouterr().out.splitlines()) == 2


def test_writes_to_what_is_no_file(regular: User) -> None:
    run("export_users", "/dev/null")

    assert not Path("/dev/null").is_file()


def test_takes_only_an_id_for_a_client() -> None:
    with pytest.raises(CommandError, match="expected the id of a client"):
        run("export_users", "-", "--client", "acme")


@pytest.mark.parametrize("report", ["none/report.csv", "."])
def test_imports_nothing_where_the_report_cannot_be_written(table: Path, report: str) -> None:
    table.write_text(GOOD)

    with pytest.raises(CommandError, match=r"No such file|Is a directory"):
        run("import_users", str(table), "--report", str(table.parent / report))

    assert not User.objects.exists()
    assert [*table.parent.iterdir()] == [table]


@pytest.mark.parametrize(
    ("options", "made", "said"),
    [
        ([], 1, "Imported, but the report could not be written: /dev/full: No space left"),
        (["--dry-run"], 0, "Nothing was imported, and the report could not be written: /dev/full"),
    ],
)
def test_says_what_was_imported_where_only_the_report_fails(
    table: Path, options: list[str], made: int, said: str
) -> None:
    table.write_text(GOOD)
    out = io.StringIO()

    with pytest.raises(CommandError, match=said):
        call_command("import_users", str(table), "--report", "/dev/full", *options, stdout=out)

    assert "new: 1, changed: 0, unchanged: 0, refused: 0." in out.getvalue()
    assert User.objects.count() == made


def test_an_import_that_fails_leaves_the_report_of_before(table: Path) -> None:
    report = table.with_name("report.csv")
    report.write_text("before")
    table.write_text("email,password\n")

    with pytest.raises(CommandError):
        run("import_users", str(table), "--report", str(report))

    assert report.read_text() == "before"
    assert {*table.parent.iterdir()} == {table, report}


def test_the_report_follows_what_is_told_on_the_standard_output(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write_text(GOOD)
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)

    call_command("import_users", str(table), "--report", "-")

    lines = out.buffer.getvalue().decode().splitlines()
    assert lines[0].startswith("Imported: new: 1,")
    assert lines[2].startswith("2,new,")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_full_standard_output_is_an_error_in_one_line(
    regular: User, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)

        with pytest.raises(CommandError, match=r"\AStandard output: No space left on device\Z"):
            run("export_users", "-", "--format", form)
        with pytest.raises(CommandError, match=r"\A/dev/full: No space left on device\Z"):
            run("export_users", "/dev/full", "--format", form)


@pytest.mark.parametrize("name", ["users.csv", "users.xlsx"])
def test_a_full_disk_leaves_the_file_of_before(
    tmp_path: Path, regular: User, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory.create_batch(50, client=regular.client)
    file = tmp_path / name
    file.write_text("before")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # or the limit cuts a cached module off
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(CommandError, match="File too large"):
            run("export_users", str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert file.read_text() == "before"
    assert [*tmp_path.iterdir()] == [file]
