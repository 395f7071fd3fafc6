"""What is done to clients."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from clients.models import Client
from config.api.etags import Stale


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
    for name, value in changed.items():
        setattr(fresh, name, value)
    fresh.save(update_fields=[*changed, "updated_at"])
    if "active" in changed:
        get_user_model().objects.filter(client=fresh).end_sessions()
    return fresh
