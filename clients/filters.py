"""How lists of clients are narrowed."""

from clients.managers import ClientQuerySet
from clients.models import Client
from config.api.parameters import Narrowing, OneOfFilter, SearchFilter


class ClientFilters(Narrowing):
    """All combined by AND."""

    active = OneOfFilter(words=("true", "false"), method="filter_active")
    search = SearchFilter(method="filter_search")

    class Meta:
        model = Client
        fields: tuple[str, ...] = ()

    def filter_active(self, clients: ClientQuerySet, name: str, value: str) -> ClientQuerySet:
        return clients.filter(active=value == "true")

    def filter_search(self, clients: ClientQuerySet, name: str, value: str) -> ClientQuerySet:
        return clients.matching(value.split())
