"""Filters of the list of users in the admin site."""

from datetime import timedelta
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from clients.models import Client
from config.operators.verb_admin import is_row_id
from users.managers import UserQuerySet
from users.models import STATUSES


class RoleFilter(admin.SimpleListFilter):
    """Looks at the client alone."""

    title = "role"
    parameter_name = "role"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("administrator", "Administrator"), ("regular", "Regular")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        match self.value():
            case None:
                return cast(UserQuerySet, queryset)
            case "administrator":
                return cast(UserQuerySet, queryset).administrators()
            case "regular":
                return cast(UserQuerySet, queryset).regular()
        raise IncorrectLookupParameters


class StatusFilter(admin.SimpleListFilter):
    """Looks at the user alone, not at their client."""

    title = "status"
    parameter_name = "status"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status.capitalize()) for status in STATUSES]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        status = self.value()
        if status is None:
            return cast(UserQuerySet, queryset)
        if status not in STATUSES:
            raise IncorrectLookupParameters
        return cast(UserQuerySet, queryset).with_status(status)


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


class LastLoginFilter(admin.SimpleListFilter):
    """Shows who has not logged in for long, and apart from them who never has."""

    title = "last login"
    parameter_name = "last_login"
    days: ClassVar = {"30": 30, "90": 90, "180": 180}

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((key, f"Over {key} days ago") for key in self.days), ("never", "Never")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        chosen = self.value()
        if chosen is None:
            return cast(UserQuerySet, queryset)
        if chosen == "never":
            return cast(UserQuerySet, queryset.filter(last_login_at__isnull=True))
        if chosen not in self.days:
            raise IncorrectLookupParameters
        bound = timezone.now() - timedelta(days=self.days[chosen])
        return cast(UserQuerySet, queryset.filter(last_login_at__lt=bound))
