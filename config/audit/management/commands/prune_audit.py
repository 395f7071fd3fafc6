"""`manage.py prune_audit`: delete old events, leaving a trail that can be verified."""

import re
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from config.audit.models import AuditLane
from config.audit.pruning import Broken, prune_lane

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Command(BaseCommand):
    """Prune lane by lane; whatever stops it, the lanes before are done and sealed."""

    help = "Delete audit events older than a day. Safe while serving; run verify_audit first."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--before", metavar="DATE", required=True, help="a day in UTC, such as 2026-01-31"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell how many")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        before, is_trial = day(options["before"]), options["dry_run"]
        count, broken = 0, []
        for number in AuditLane.objects.order_by("number").values_list("number", flat=True):
            try:
                count += prune_lane(number, before=before, is_trial=is_trial)
            except Broken:
                broken.append(str(number))
        done = "would be pruned" if is_trial else "pruned"
        self.stdout.write(f"Audit events {done}: {count}.")
        if broken:
            raise CommandError(
                f"Left as they are, run verify_audit: lanes {', '.join(broken)} were altered."
            )


def day(text: str) -> datetime:
    """Return the beginning of a day in UTC; `CommandError` for what is none, or not yet there."""
    try:
        if not DAY.match(text):
            raise ValueError
        begins = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise CommandError("--before: expected a day such as 2026-01-31") from None
    if begins > timezone.now():
        raise CommandError("--before: this day has not begun yet")
    return begins
