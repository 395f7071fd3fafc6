"""Bodies of clients: how they are shown, what may be sent."""

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from clients.models import Client
from clients.names import clean_name
from config.api.errors import Fault
from config.api.fields import StrictBooleanField, TextField
from config.api.serializers import StrictSerializer
from config.api.values import represent_value

INCLUDABLE = ("active", "users_count", "created_at", "updated_at")
READ_ONLY = ("id", "users_count", "created_at", "updated_at")


def represent_client(client: Client, include: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return `{"id", "name"}` and the keys of `include`."""
    shown: dict[str, Any] = {"id": client.pk, "name": client.name}
    for key in include:
        value = count_users(client) if key == "users_count" else getattr(client, key)
        shown[key] = represent_value(value)
    return shown


def count_users(client: Client) -> int:
    """Return how many users the client has; counted already where the row came from a list."""
    counted = client.__dict__.get("users_count")
    return client.users.count() if counted is None else counted


class ClientCreateSerializer(StrictSerializer):
    """A new client."""

    read_only_keys = READ_ONLY

    name = TextField(clean=clean_name)
    active = StrictBooleanField(required=False)

    instance: Client | None

    @override
    def cross_faults(self) -> Iterator[Fault]:
        if "name" not in self.values:
            return
        others = Client.objects.named(self.values["name"])
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            yield Fault("unique", "A client with this name already exists.", "name")


class ClientUpdateSerializer(ClientCreateSerializer):
    """Changes of a client; what is absent stays as it is."""

    name = TextField(clean=clean_name, required=False)

    instance: Client

    @override
    def represent_present(self) -> dict[str, Any]:
        return represent_client(self.instance, INCLUDABLE)
