"""`manage.py verify_audit`: name the rows of the trail that SQL altered, removed or slipped in."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.audit.heads import lost_heads, read_heads, write_heads
from config.audit.verification import Findings, WrongKey, find_faults


class Command(BaseCommand):
    """A line a fault, then a summary; exit code 1 if there was any."""

    help = "Verify the audit trail. Safe while serving."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--save", metavar="FILE", type=Path, help="if all is well, write where each lane ends"
        )
        parser.add_argument(
            "--against", metavar="FILE", type=Path, help="what --save wrote must still be there"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        heads = read(options["against"]) if options["against"] else {}
        found = Findings()
        try:
            for fault in find_faults(found):
                self.stdout.write(fault)
        except WrongKey:
            raise CommandError(
                "No lane is sealed with the present AUDIT_KEY (SECRET_KEY where it is not set): "
                "either the key is another one, or all of audit_lanes was altered."
            ) from None
        lost = lost_heads(heads)
        for fault in lost:
            self.stdout.write(fault)
        if faults := found.faults + len(lost):
            raise CommandError(f"Faults: {faults}. Audit events looked at: {found.events}.")
        if options["save"]:
            write(options["save"])
        self.stdout.write(f"No faults. Audit events: {found.events}, lanes: {found.lanes}.")


def read(file: Path) -> dict[int, tuple[int, str]]:
    try:
        return read_heads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise CommandError(f"{file} is not what --save writes: {type(fault).__name__}") from None


def write(file: Path) -> None:
    try:
        draft = file.with_name(f"{file.name}.part")
        draft.write_text(write_heads(), encoding="utf-8")
        draft.replace(file)  # whole, or what was there before
    except OSError as fault:
        raise CommandError(f"{file} cannot be written: {fault.strerror}") from None
