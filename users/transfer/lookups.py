"""Which clients a table speaks of."""

from collections.abc import Iterable
from typing import Any

from clients.models import Client

MOST_KEPT = 20_000


class Ambiguous(Exception):
    """Several clients have this name: it was written past Roster, in letters that are pairs."""


class Clients:
    """Finds clients by id and by name; remembers what it found, as most rows name the same few."""

    def __init__(self) -> None:
        self.by_id: dict[int, Client | None] = {}
        self.by_name: dict[str, list[Client]] = {}

    def learn(self, ids: Iterable[int], names: Iterable[str]) -> None:
        """Look up what is not known yet: one query for ids, one for names, one a rarer spelling."""
        for known in (self.by_id, self.by_name):
            if len(known) > MOST_KEPT:
                known.clear()
        ids, names = set(ids), set(names)
        if missing := ids - self.by_id.keys():
            self.by_id |= dict.fromkeys(missing, None)
            self.by_id |= Client.objects.in_bulk(missing)
        if unknown := names - self.by_name.keys():
            for client in Client.objects.filter(name__in=unknown):
                self.by_name[client.name] = [client]
            for name in unknown - self.by_name.keys():
                self.by_name[name] = list(Client.objects.named(name)[:2])

    def with_id(self, client_id: int) -> Client | None:
        return self.by_id[client_id]

    def named(self, name: str) -> Any:
        """Return the client of this name, in any case; None for none. Raises `Ambiguous`."""
        found = self.by_name[name]
        if len(found) > 1:
            raise Ambiguous
        return found[0] if found else None
