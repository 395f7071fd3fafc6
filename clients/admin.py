"""How clients are shown and changed in the admin site."""

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from typing_extensions import override

from clients.forms import ClientForm
from clients.managers import ClientQuerySet
from clients.models import Client
from config.operators.verb_admin import VerbAdmin


class ClientAdmin(VerbAdmin):
    """Clients."""

    form = ClientForm
    list_display = ("name", "active", "users", "created_at")
    list_filter = ("active",)
    lookups = ("active__exact", "active__isnull")
    ordering = ("name",)
    sortable_by = ("name", "active", "created_at")  # for the number of users all are counted
    search_fields = ("name",)
    search_help_text = "Every word is in the name."

    @override
    def known_total(self, chosen: Mapping[str, list[str]]) -> int | None:
        return None if chosen else Client.objects.count()  # they are not so many

    @override
    def get_queryset(self, request: HttpRequest) -> ClientQuerySet:
        return cast(ClientQuerySet, super().get_queryset(request)).with_users_count()

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (
            ("name", "active", "created_at", "updated_at", "version") if obj else ("name", "active")
        )

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("created_at", "updated_at") if obj else ()

    def users(self, client: Any) -> str:
        url = reverse("admin:users_user_changelist", query={"client": client.pk})
        return format_html('<a href="{}">{}</a>', url, client.users_count)
