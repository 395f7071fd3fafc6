"""`manage.py import_users`: users from CSV or XLSX."""

from argparse import ArgumentParser
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.api.errors import Conflict
from config.files import read_from_start, written_whole
from config.progress import Bar
from users.transfer.columns import KNOWN, FileRefused
from users.transfer.importing import OnRefusal, import_table, rehearse
from users.transfer.reports import Report
from users.transfer.tables import read_table

SHOWN = 20  # refusals


class Command(BaseCommand):
    """Import a table, or tell what an import would do."""

    help = (
        "Import users from CSV or XLSX. Who is there already is found by id, else by email. One "
        "refused row stops the import, and nothing is written, unless --skip-refused. The first "
        f"row names the columns: {', '.join(KNOWN)}."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="CSV or XLSX; - is the standard input")
        parser.add_argument("--dry-run", action="store_true", help="tell only, write nothing")
        parser.add_argument(
            "--skip-refused", action="store_true", help="import the rows that are good"
        )
        parser.add_argument("--report", help="write what became of each row to this CSV file")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        name, is_dry = options["report"], options["dry_run"]
        if not name:
            refused = self.tell(self.imported(**options), is_dry=is_dry).refused
        else:
            refused = self.reported(name, **options)
        if refused:
            raise CommandError(f"Refused rows: {refused}.")

    def reported(self, name: str, **options: Any) -> int:
        """Import with a report, which must be writable before anything is; return the refused."""
        report: Report | None = None
        is_dry = options["dry_run"]
        try:
            with written_whole(name) as target:
                report = self.tell(self.imported(**options), is_dry=is_dry)
                self.stdout.flush()  # before a report to the standard output
                target.writelines(report.csv())
        except CommandError as fault:
            if report is None:
                raise
            done = "Imported" if report.is_written and not is_dry else "Nothing was imported"
            but = "but" if done == "Imported" else "and"
            raise CommandError(f"{done}, {but} the report could not be written: {fault}") from None
        return report.refused

    def imported(self, **options: Any) -> Report:
        try:
            with read_from_start(options["file"]) as file:
                return self.run(
                    file, is_dry=options["dry_run"], is_skipping=options["skip_refused"]
                )
        except FileRefused as fault:
            raise CommandError(fault.detail) from None
        except Conflict as fault:
            raise CommandError(f"{fault.detail} Nothing was imported.") from None

    def run(self, file: IO[bytes], *, is_dry: bool, is_skipping: bool) -> Report:
        table = read_table(file)
        bar = Bar(table.total)

        def show(done: int, whole: int) -> None:
            bar.total = whole
            bar.reach(done)

        try:
            if is_dry:
                return rehearse(table, actor=None, progress=show)
            on_refusal = OnRefusal.SKIP if is_skipping else OnRefusal.STOP
            return import_table(table, actor=None, on_refusal=on_refusal, progress=show)
        finally:
            bar.finish()

    def tell(self, report: Report, *, is_dry: bool) -> Report:
        if report.ignored_columns:
            self.stdout.write(f"Not imported: {', '.join(report.ignored_columns)}.")
        for refusal in report.refusals[:SHOWN]:
            place = f"Row {refusal.row}" + (f", {refusal.column}" if refusal.column else "")
            self.stdout.write(f"{place}: {refusal.detail}")
        if report.refused and len(report.refusals) > SHOWN:
            self.stdout.write("… and more: see --report.")
        counts = (
            f"new: {report.new}, changed: {report.changed}, unchanged: {report.unchanged}, "
            f"refused: {report.refused}"
        )
        if is_dry:
            self.stdout.write(f"Would be {counts}. Nothing was written.")
        elif report.is_written:
            self.stdout.write(f"Imported: {counts}.")
        else:
            self.stdout.write(f"Nothing was imported: {counts}.")
        return report
