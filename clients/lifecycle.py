"""What is done to clients."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction

from clients.managers import ClientQuerySet
from clients.models import Client
from config.api.etags import Stale
from config.audit.events import Event
from config.audit.trail import Act, differences, record, record_all

NAMES_LOCK = 0x726F73746572  # any number, the same in every process


@transaction.atomic
def create_client(values: dict[str, Any], *, actor: Any) -> Client:
    """Return the new client of `values`, which are checked already.

    Raises `IntegrityError` where another has taken the name since.
    """
    client = Client(**values)
    require_free_name(client)
    client.save(force_insert=True)
    made = differences({}, {"name": client.name, "active": client.active})
    record(Event.CLIENT_CREATED, actor=actor, target=client, changes=made)
    return client


def require_free_name(client: Client) -> None:
    """Raise `IntegrityError` for a name that is taken in any case.

    The database refuses letters that are pairs; this knows rarer ones too (the Kelvin sign, the
    dotted I), so names are given out one at a time. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMES_LOCK])
    if Client.objects.named(client.name).exclude(pk=client.pk).exists():
        raise IntegrityError("clients_name_unique")


@transaction.atomic
def update_client(client: Client, values: dict[str, Any], *, actor: Any) -> Client:
    """Apply what differs and return the row as saved; `client` is what the caller read.

    Switching a client off or on ends all sessions of its users: off, so that they stop at once; on,
    so that none of before comes back. Raises `Stale` where the row is no longer the one read.
    """
    fresh: Client = Client.objects.select_for_update().get(pk=client.pk)
    if fresh.state() != client.state():
        raise Stale
    changed = {name: value for name, value in values.items() if getattr(fresh, name) != value}
    if not changed:
        return fresh
    changes = differences({name: getattr(fresh, name) for name in changed}, changed)
    for name, value in changed.items():
        setattr(fresh, name, value)
    if "name" in changed:
        require_free_name(fresh)
    fresh.save(update_fields=[*changed, "updated_at"])
    details = {"sessions_ended": _shut_out(fresh)} if "active" in changed else {}
    record(Event.CLIENT_UPDATED, actor=actor, target=fresh, changes=changes, details=details)
    return fresh


@transaction.atomic
def set_active(clients: ClientQuerySet, active: bool, *, actor: Any) -> tuple[int, int]:
    """Activate or deactivate many; return how many changed, and how many sessions ended."""
    chosen = Client.objects.filter(pk__in=clients.order_by().values("pk"), active=not active)
    held = list(chosen.order_by("pk").select_for_update())
    for client in held:
        client.active = active
        client.save(update_fields=["active", "updated_at"])
    ended = {client.pk: _shut_out(client) for client in held}
    changes = differences({"active": not active}, {"active": active})
    record_all(
        Act(Event.CLIENT_UPDATED, actor, client, changes, {"sessions_ended": ended[client.pk]})
        for client in held
    )
    return len(held), sum(ended.values())


def _shut_out(client: Client) -> int:
    """End the sessions and the links of a client's users; return how many sessions."""
    users = get_user_model().objects.filter(client=client)
    ended: int = users.end_sessions()
    users.end_links()
    return ended
