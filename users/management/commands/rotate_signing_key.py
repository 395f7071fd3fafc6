"""`manage.py rotate_signing_key`: let a new key sign access tokens, and lose none."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from typing_extensions import override

from config.audit.events import Event
from config.audit.trail import record
from config.signing_keys import KeyDirectory, RotationPending, SigningKey

OVERLAP = 60 * 60
LEAST = 3  # seconds: every process has looked by then
MOST = 30 * 24 * 60 * 60
GIVEN = (
    "The keys are given by JWT_PRIVATE_KEY: the first signs, all are believed. Add a new one as "
    "the last, restart; an hour later make it the first, restart; remove the old one when its "
    "tokens have expired."
)


NOT_OURS = (
    "The keys belong to another user, who could not read a new one. Nothing was done: run this as "
    "the user who serves."
)


class Command(BaseCommand):
    """Publish a new key now, sign with it later; or only delete what is over."""

    help = (
        "Publish a new signing key, which signs access tokens after the overlap. The old one is "
        "believed until its last token has expired; keys before it are deleted. Safe while serving."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--overlap",
            type=seconds,
            default=OVERLAP,
            metavar="SECONDS",
            help="until the new key signs (3600): longer than any other service keeps the "
            "published keys, which they may for 300",
        )
        ways.add_argument(
            "--prune", action="store_true", help="only delete keys that nobody needs any more"
        )
        ways.add_argument(
            "--leaked",
            action="store_true",
            help="delete all other keys at once: their tokens are refused, sessions go on",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        keys = settings.SIGNING_KEYS
        if not isinstance(keys, KeyDirectory):
            raise CommandError(GIVEN)
        if not keys.is_ours():
            raise CommandError(NOT_OURS)
        if options["leaked"]:
            key = keys.replace()  # whatever else is away
            self.stdout.write(f"New key {key.kid} signs. All others are deleted.")
            note(key, leaked=True)
            return
        self.stdout.write(f"Keys deleted that nobody needs any more: {keys.prune()}.")
        if not options["prune"]:
            self.rotate(keys, options["overlap"])

    def rotate(self, keys: KeyDirectory, overlap: int) -> None:
        try:
            key, begin = keys.rotate(overlap=overlap)
        except RotationPending as pending:
            (moment,) = pending.args
            raise CommandError(
                f"A new key is there already and signs from {text(moment)}. Nothing was made."
            ) from None
        self.stdout.write(f"New key {key.kid} is published and signs from {text(begin)}.")
        note(key, signs_from=begin)


@transaction.atomic
def note(key: SigningKey, **details: Any) -> None:
    record(Event.SIGNING_KEY_ROTATED, actor=None, details={"kid": key.kid, **details})


def seconds(value: str) -> int:
    if not (re.fullmatch("[0-9]{1,9}", value) and LEAST <= int(value) <= MOST):
        raise ArgumentTypeError(f"expected whole seconds from {LEAST} to {MOST}")
    return int(value)


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
