"""Accounts to log in to, made in the database of a running server."""

from typing import Any

from django.contrib.auth.hashers import make_password

from clients.models import Client
from tests.live.conftest import PASSWORD
from tests.live.timings import KINDS, email_of
from tests.users.auth.conftest import CheaperHasher
from users.models import User


def make(number: int) -> None:
    """Make so many accounts of each kind; those of one kind of digest share it."""
    clients = {
        active: Client.objects.create(name=f"{active}", active=active) for active in (True, False)
    }
    older = CheaperHasher()
    digests = {True: older.encode(PASSWORD, older.salt()), False: make_password(PASSWORD)}
    for name, kind in KINDS.items():
        fields: dict[str, Any] = {
            "name": "N",
            "client": clients[kind.has_active_client],
            "active": kind.is_active,
            "password": digests[kind.has_older_digest],
        }
        if kind.is_known:
            User.objects.bulk_create(
                User(email=email_of(name, place), **fields) for place in range(number)
            )
