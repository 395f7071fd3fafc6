"""`manage.py export_users`: users as CSV or XLSX."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from urllib.parse import urlencode

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.files import written_whole
from config.progress import Bar
from users.managers import ROLES, UserQuerySet
from users.models import STATUSES, User
from users.transfer.exporting import TooManyRows, csv_chunks, note_export, write_xlsx


class Command(BaseCommand):
    """Write all users, or those that the options keep."""

    help = (
        "Export users as CSV or XLSX: no secrets, and no cell that a spreadsheet takes for a "
        "formula. What was exported can be imported again."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - is the standard output")
        parser.add_argument("--format", choices=("csv", "xlsx"), help="else by the file's name")
        parser.add_argument(
            "--client", type=row_id, help="only the users of the client with this id"
        )
        parser.add_argument("--role", choices=ROLES)
        parser.add_argument("--status", choices=STATUSES)
        parser.add_argument("--search", default="", help="words that are in the name or the email")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        users = chosen(**options)
        is_workbook = options["format"] == "xlsx" or (
            options["format"] is None and options["file"].lower().endswith(".xlsx")
        )
        narrowed = {k: options[k] for k in ("client", "role", "status", "search") if options[k]}
        form = "xlsx" if is_workbook else "csv"
        note_export(actor=None, form=form, narrowing=urlencode(narrowed))
        bar = Bar(users.count())
        try:
            with written_whole(options["file"]) as file:
                if is_workbook:
                    write_xlsx(users, file, progress=bar.reach)
                else:
                    file.writelines(csv_chunks(users, progress=bar.reach))
        except TooManyRows:
            raise CommandError("More users than a sheet has rows: export CSV.") from None
        bar.finish()
        self.stderr.write(f"Exported users: {bar.done}.")


def chosen(
    *, client: int | None, role: str | None, status: str | None, search: str, **_: Any
) -> UserQuerySet:
    users: UserQuerySet = User.objects.matching(search.split())
    if client is not None:
        users = users.filter(client=client)
    if role is not None:
        users = users.with_role(role)
    return users if status is None else users.with_status(status)


def row_id(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,17}", text):
        raise ArgumentTypeError("expected the id of a client")
    return int(text)
