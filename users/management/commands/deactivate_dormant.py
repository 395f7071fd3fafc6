"""`manage.py deactivate_dormant`: deactivate who has not been here for long."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from users.lifecycle import LastAdministrator, deactivate_dormant, spared_administrator
from users.models import User

BATCH = 500  # rows a transaction: so few that a log-in on SQLite hardly waits
MOST_DAYS = 36_500
NO_ADMINISTRATOR = "There is no active administrator: first make one with createsuperuser."


class Command(BaseCommand):
    """Deactivate batch by batch; whatever stops it, the batches before are done."""

    help = (
        "Deactivate the users who have neither logged in nor refreshed a session for so many days; "
        "who never logged in counts from when they were made. The last active administrator stays. "
        "Safe while serving."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=days, required=True, help=f"1 to {MOST_DAYS}")
        parser.add_argument("--dry-run", action="store_true", help="list them, change nothing")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        bound = timezone.now() - timedelta(days=options["days"])
        total = 0
        for users in self.batches(bound, is_dry=options["dry_run"]):
            for user in users:
                self.stdout.write(line(user))
            total += len(users)
        spared = spared_administrator(bound)
        if spared is not None:
            self.stdout.write(f"Stays, as the last active administrator: {line(spared)}")
        done = "Would be deactivated" if options["dry_run"] else "Deactivated"
        self.stdout.write(f"{done}: {total}.")

    def batches(self, bound: datetime, *, is_dry: bool) -> Iterator[list[User]]:
        """Walk the dormant by id; yield those who are deactivated, or would be."""
        last, spared = 0, spared_administrator(bound)
        while True:
            chosen = User.objects.filter(pk__gt=last).dormant(bound).order_by("pk")[:BATCH]
            users = list(chosen)
            if not users:
                return
            last = users[-1].pk
            if is_dry:
                yield [user for user in users if user != spared]
            else:
                batch = User.objects.filter(pk__in=[user.pk for user in users])
                try:
                    yield deactivate_dormant(batch, bound=bound, actor=None)
                except LastAdministrator:
                    raise CommandError(NO_ADMINISTRATOR) from None


def line(user: User) -> str:
    moment = user.last_login_at
    login = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else "never"
    return f"{user.pk}  {user.email}  {login}"


def days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= MOST_DAYS:
        raise ArgumentTypeError(f"expected a whole number from 1 to {MOST_DAYS}")
    return int(text)
