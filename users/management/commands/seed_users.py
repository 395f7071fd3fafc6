"""`manage.py seed_users`: demo clients and users."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.models import Manager, Max
from typing_extensions import override

from clients.models import Client
from config.audit.events import Event
from config.audit.trail import record
from config.progress import Bar
from config.secret_files import kept_secret
from users.management.seeding import DOMAIN, MANY, PREFIX, insert_users, without_indexes
from users.models import User

ADMINISTRATOR = f"admin@{DOMAIN}"
BATCH = 5000
SERIES = 50_000  # users that the database makes in one statement
MOST = 100_000_000

FIRST_NAMES = (
    "Ada",
    "Björn",
    "Chiara",
    "Dmitri",
    "Élodie",
    "Fatima",
    "Goran",
    "Hana",
    "Ines",
    "Jun",
)
LAST_NAMES = (
    "Novak",
    "Okafor",
    "Petrov",
    "Quinn",
    "Rossi",
    "Sato",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weiß",
)
NAMES = (FIRST_NAMES, LAST_NAMES)


class Command(BaseCommand):
    """Make what is missing, touch nothing that is there."""

    help = "Create demo clients and users. Safe to repeat: what is there stays as it is."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--users", type=number, default=12, help="regular users (12)")
        parser.add_argument("--clients", type=number, default=3, help="their clients (3)")
        parser.add_argument(
            "--force", action="store_true", help="even if there are users that are not seeded"
        )
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing if there are users already"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        clients, users = options["clients"], options["users"]
        if users and not clients:
            raise CommandError("Users need a client: --clients 1 or more.")
        if options["if_empty"] and User.objects.exists():
            self.stdout.write("The database has users; nothing was made.")
            self.tell_login()
            return
        if not options["force"] and User.objects.exclude(email__endswith=f"@{DOMAIN}").exists():
            raise CommandError(
                "This database has users that were not seeded. Add --force to seed it all the same."
            )
        before = Client.objects.count(), User.objects.count()
        self.seed(clients, users)
        made = Client.objects.count() - before[0], User.objects.count() - before[1]
        self.stdout.write(f"Made {made[0]} clients and {made[1]} users.")
        self.tell_login()

    def seed(self, clients: int, users: int) -> None:
        """Insert in batches; all users share one digest, or hashing would take for ever."""
        digest = make_password(demo_password())
        bar = Bar(clients + users + 1)
        insert(Client, ({"name": f"{PREFIX}{n}"} for n in range(1, clients + 1)), bar)
        administrator = {"name": "Demo Administrator", "email": ADMINISTRATOR, "client_id": None}
        insert(User, [{**administrator, "password": digest}], bar)
        seeded = Client.objects.filter(name__startswith=PREFIX).count()
        self.seed_users(users, clients=min(clients, seeded), digest=digest, bar=bar)
        bar.finish()

    def seed_users(self, users: int, *, clients: int, digest: str, bar: Bar) -> None:
        is_bulk = connection.vendor == "postgresql" and users >= max(MANY, User.objects.count())
        with without_indexes() if is_bulk else nullcontext():
            for first in range(1, users + 1, SERIES):
                numbers = range(first, min(first + SERIES, users + 1))
                with transaction.atomic():
                    note(User, insert_users(numbers, clients=clients, digest=digest, names=NAMES))
                bar.advance(len(numbers))

    def tell_login(self) -> None:
        """Print how to log in, as far as the demo password still holds."""
        for email in (ADMINISTRATOR, f"user1@{DOMAIN}"):
            user = User.objects.filter(email=email).first()
            if user is None:
                continue
            role = "Administrator" if user.is_administrator else "Regular user"
            holds = check_password(demo_password(), user.password)
            secret = demo_password() if holds else "(changed since)"
            self.stdout.write(f"{role}: {email}  password: {secret}")


def insert(model: type[Client] | type[User], rows: Iterable[dict[str, Any]], bar: Bar) -> None:
    """Insert what is not there yet, one transaction a batch."""
    manager: Manager[Any] = model.objects
    for batch in batches(rows):
        with transaction.atomic():
            last = manager.aggregate(last=Max("pk"))["last"] or 0
            manager.bulk_create([model(**row) for row in batch], ignore_conflicts=True)
            note(model, manager.filter(pk__gt=last).count())
        bar.advance(len(batch))


def note(model: type[Client] | type[User], made: int) -> None:
    if made:
        details = {str(model._meta.verbose_name_plural): made}
        record(Event.USERS_SEEDED, actor=None, details=details)


def batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def demo_password() -> str:
    """Return the password of this installation's demo users, made once, readable by its owner."""
    return kept_secret(settings.VAR_DIR / "demo_password", size=12)


def number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > MOST:
        raise ArgumentTypeError(f"expected a whole number from 0 to {MOST:,}")
    return int(text)
