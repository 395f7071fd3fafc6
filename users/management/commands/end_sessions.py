"""`manage.py end_sessions`: log people out, everywhere and at once."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from users.lifecycle import end_sessions
from users.models import Session, User

BATCH = 500  # rows a transaction: so few that a log-in on SQLite hardly waits


class Command(BaseCommand):
    """End them batch by batch; whatever stops it, the batches before are done."""

    help = (
        "End all sessions of the users with these emails, or of everybody; their tokens stop at "
        "once. Safe while serving."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("email", nargs="*", default=[], help="of each user")
        whose.add_argument("--all", action="store_true", help="of all users")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        sessions = Session.objects.all()
        if not options["all"]:
            sessions = sessions.filter(user__in=[user_of(email) for email in options["email"]])
        ended = sum(
            end_sessions(Session.objects.filter(pk__in=ids), actor=None)
            for ids in batches(sessions)
        )
        self.stdout.write(f"Ended sessions: {ended}.")


def user_of(email: str) -> User:
    user: User | None = User.objects.filter(email=User.canonical_email(email)).first()
    if user is None:
        raise CommandError(f"There is no user with the email {email!r}.")
    return user


def batches(sessions: Any) -> Iterator[list[int]]:
    """Walk by id what was there at the start: who logs in meanwhile keeps their session."""
    newest = sessions.order_by("-pk").values_list("pk", flat=True).first()
    last = 0
    while newest is not None:
        chosen = sessions.filter(pk__gt=last, pk__lte=newest).order_by("pk")[:BATCH]
        ids = list(chosen.values_list("pk", flat=True))
        if not ids:
            return
        last = ids[-1]
        yield ids
