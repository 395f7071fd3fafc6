"""The endpoints of clients."""

from typing import Any, ClassVar

from django.db.models import F, OrderBy
from typing_extensions import override

from clients.filters import ClientFilters
from clients.lifecycle import create_client, update_client
from clients.managers import ClientQuerySet
from clients.models import Client
from clients.policies import ClientPolicy
from clients.schema import OPERATIONS
from clients.serializers import (
    INCLUDABLE,
    ClientCreateSerializer,
    ClientUpdateSerializer,
    represent_client,
)
from config.api.etags import etag_of
from config.api.views import ResourceViewSet


class ClientViewSet(ResourceViewSet[Client]):
    """Clients: list, create, retrieve, update."""

    permission_classes = (ClientPolicy,)
    create_serializer = ClientCreateSerializer
    update_serializer = ClientUpdateSerializer
    model = Client
    filters = ClientFilters
    includable = INCLUDABLE
    location = "/clients"
    operations = OPERATIONS
    orderings: ClassVar[dict[str, OrderBy]] = {
        "id": OrderBy(F("id")),
        "name": OrderBy(F("name")),
        "created_at": OrderBy(F("created_at")),
    }

    @override
    def rows(self, include: tuple[str, ...]) -> ClientQuerySet:
        clients = Client.objects.visible_to(self.request.user)
        return clients.with_users_count() if "users_count" in include else clients

    @override
    def represent(self, row: Client, include: tuple[str, ...]) -> dict[str, Any]:
        return represent_client(row, include)

    @override
    def etag(self, row: Client) -> str:
        return etag_of(*row.state())

    @override
    def save_new(self, values: dict[str, Any]) -> Client:
        return create_client(values, actor=self.request.user)

    @override
    def save(self, row: Client, values: dict[str, Any]) -> Client:
        return update_client(row, values, actor=self.request.user)
