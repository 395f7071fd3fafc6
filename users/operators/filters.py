"""Filters of the list of users in the admin site."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from clients.models import Client
from config.operators.filters import WordFilter
from config.operators.verb_admin import is_row_id
from users.counts import UserCount
from users.managers import ROLES, UserQuerySet
from users.models import STATUSES


class RoleFilter(WordFilter):
    """Looks at the client alone."""

    title = parameter_name = "role"
    words = ROLES

    @override
    def label(self, word: str) -> str:
        return word.capitalize()

    @override
    def narrow(self, rows: Any, word: str) -> UserQuerySet:
        return cast(UserQuerySet, rows).with_role(word)


class StatusFilter(WordFilter):
    """Looks at the user alone, not at their client."""

    title = parameter_name = "status"
    words = STATUSES

    @override
    def label(self, word: str) -> str:
        return word.capitalize()

    @override
    def narrow(self, rows: Any, word: str) -> UserQuerySet:
        return cast(UserQuerySet, rows).with_status(word)


class ClientFilter(admin.SimpleListFilter):
    """Shows the client chosen, never a list of thousands: one is chosen by typing.

    Without JavaScript the form leads to the list of clients, each with a link to its users.
    """

    template = "admin/users/user/client_filter.html"
    title = "client"
    parameter_name = "client"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if chosen is None:
            return []
        client = Client.objects.filter(pk=chosen).first() if is_row_id(chosen) else None
        if client is None:
            raise IncorrectLookupParameters
        return [(chosen, client.name)]

    @override
    def has_output(self) -> bool:
        return True

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        chosen = self.value()
        return cast(UserQuerySet, queryset.filter(client=chosen) if chosen else queryset)


class LastLoginFilter(WordFilter):
    """Shows who has not logged in for long, and apart from them who never has."""

    title = "last login"
    parameter_name = "last_login"
    words = ("30", "90", "180", "never")

    @override
    def label(self, word: str) -> str:
        return "Never" if word == "never" else f"Over {word} days ago"

    @override
    def narrow(self, rows: Any, word: str) -> UserQuerySet:
        if word == "never":
            return cast(UserQuerySet, rows.filter(last_login_at__isnull=True))
        bound = timezone.now() - timedelta(days=int(word))
        return cast(UserQuerySet, rows.filter(last_login_at__lt=bound))


def total_of(chosen: Mapping[str, list[str]]) -> int | None:
    """Return how many users the filters of their list leave; None where these do not tell.

    `chosen` is what the address of the list says: names of filters and their values.
    """
    filters: dict[str, Any] = {}
    for name, values in chosen.items():
        match name, values:
            case "role", [role] if role in ROLES:
                filters["role"] = role
            case "status", [status]:
                filters["status"] = status
            case "client", [number]:
                filters["client_id"] = int(number)
            case "active__exact", ["0" | "1" as flag]:
                filters["active"] = flag == "1"
            case _:
                return None
    return cast(int, UserCount.objects.narrowed(**filters).total())
