"""What changes of clients will cause, in words and numbers: said before they are done."""

from typing import Any

from django.contrib.auth import get_user_model

from clients.managers import ClientQuerySet
from config.operators.questions import counted


def users_of(clients: ClientQuerySet) -> Any:
    return get_user_model()._default_manager.filter(client__in=clients.order_by().values("pk"))


def of_deactivation(clients: ClientQuerySet, name: str) -> list[str]:
    """Return what will end for whom; `name` stands for the clients."""
    users = users_of(clients)
    people = counted(users.filter(active=True).count(), "person", "people")
    sessions = users.live_sessions().count()
    end = "ends" if sessions == 1 else "end"
    return [
        f"{name}: {people} can no longer log in and {counted(sessions, 'session')} {end} at once.",
        "Links that were mailed to them are dead, and stay so.",
    ]


def of_activation(clients: ClientQuerySet, name: str) -> list[str]:
    """Return who is let in again; `name` stands for the clients."""
    people = counted(users_of(clients).filter(active=True).count(), "person", "people")
    return [f"{name}: {people} can log in again.", "No session or link of before comes back."]
