"""`manage.py backup`: a copy of the whole database."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from typing_extensions import override

from config.backups import Unusable, make_backup
from config.files import written_whole


class Command(BaseCommand):
    """The file appears when all of it is there, readable by its owner alone."""

    help = (
        "Copy the whole database, as it is at one moment, into a file. Safe while serving. Neither "
        "SECRET_KEY, AUDIT_KEY nor signing keys are in it: keep those, but elsewhere."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - is the standard output")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, end)
        try:
            with written_whole(options["file"]) as file:
                make_backup(file)
        except (Unusable, DatabaseError) as fault:
            raise CommandError(str(fault).strip()) from None
        self.stderr.write("The backup is made. Try it: put it back into an empty database.")


def end(number: int, *_: Any) -> None:
    """Stop in good order: no copy of everybody is left half-way, and nobody goes on making one."""
    raise SystemExit(128 + number)
