"""`manage.py restore`: a backup put back into an empty database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from typing_extensions import override

from config.backups import Unusable, put_back
from config.files import read_from_start


class Command(BaseCommand):
    """All of the backup or nothing; what is there is never touched."""

    help = (
        "Put a backup back into an empty database, and check what is then there. Restore only what "
        "you made yourself: a backup is code that runs as the database's role. Before Roster "
        "serves, give it the SECRET_KEY, AUDIT_KEY and signing keys of before."
    )
    requires_system_checks = ()  # an empty database has no tables to be checked

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what `backup` wrote; - is the standard input")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with read_from_start(options["file"]) as file:
            try:
                put_back(file)
            except (Unusable, DatabaseError) as fault:
                raise CommandError(str(fault).strip()) from None
        self.stderr.write("The backup is put back.")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stderr.write("It is of an older release: run `manage.py migrate` now.")
        else:
            call_command("check", databases=["default"])
