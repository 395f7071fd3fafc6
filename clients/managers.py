"""Queries on clients."""

import re
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import connections, models
from django.db.models import Count, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import Exact

if TYPE_CHECKING:
    from clients.models import Client  # noqa: F401 # in the base class, as text


def contains_any_case(field: str, text: str, using: str) -> Q:
    """Return the condition that `field` contains `text` whatever the case.

    SQLite's LIKE folds ASCII letters alone; its regular expressions are Python's and fold all.
    """
    if text.isascii() or connections[using].vendor != "sqlite":
        return Q(**{f"{field}__icontains": text})
    return Q(**{f"{field}__iregex": re.escape(text)})


def equals_any_case(field: str, text: str, using: str) -> Q:
    """Return the condition that `field` is `text` whatever the case; see `contains_any_case`."""
    if connections[using].vendor == "sqlite":
        return Q(**{f"{field}__iregex": rf"\A{re.escape(text)}\Z"})
    # What the unique indexes have; `iexact` is UPPER, which folds other letters too.
    lowered = Exact(Lower(field), Lower(Value(text)))
    return (
        Q(lowered) | Q(Exact(fold(F(field)), fold(Value(text)))) | Q(**{f"{field}__iexact": text})
    )


def fold(text: Combinable) -> Func:
    """Return `text` in small letters whatever PostgreSQL's locale, as the unique index has it."""
    return Func(text, function="client_name_fold", output_field=TextField())


class ClientQuerySet(models.QuerySet["Client"]):
    """Chainable."""

    def active(self) -> "ClientQuerySet":
        return self.filter(active=True)

    def named(self, name: str) -> "ClientQuerySet":
        """Keep the clients of this name in any case."""
        return self.filter(equals_any_case("name", name, self.db))

    def visible_to(self, actor: Any) -> "ClientQuerySet":
        """Keep what `ClientPolicy` lets the actor retrieve: all, their own, or nothing."""
        if not actor.is_active:
            return self.none()
        return self.all() if actor.is_administrator else self.filter(pk=actor.client_id)

    def matching(self, words: list[str]) -> "ClientQuerySet":
        """Keep the clients whose name has every word, in any case."""
        clients = self
        for word in words:
            clients = clients.filter(contains_any_case("name", word, self.db))
        return clients

    def with_users_count(self) -> "ClientQuerySet":
        # A subquery, so that only the rows of a page are counted; a join would group all of them.
        users = get_user_model()._default_manager.filter(client=OuterRef("pk"))
        number = users.order_by().values("client").annotate(number=Count("pk")).values("number")
        counted: ClientQuerySet = self.annotate(users_count=Coalesce(Subquery(number), 0))
        return counted


ClientManager = models.Manager.from_queryset(ClientQuerySet)
