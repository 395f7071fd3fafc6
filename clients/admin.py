"""How clients are shown and changed in the admin site."""

from collections.abc import Mapping
from typing import Any, cast

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from clients.acts import ACTS, BulkActs
from clients.forms import ClientForm
from clients.managers import ClientQuerySet
from clients.models import Client
from config.audit.models import AuditEvent
from config.operators.looks import badge, instant
from config.operators.row_acts import ActsAdmin
from config.operators.time_line import LATEST, lines_of


class ClientAdmin(BulkActs, ActsAdmin):
    """Clients."""

    acts = ACTS
    form = ClientForm
    list_display = ("name", "status", "users", "created_at")
    list_filter = ("active",)
    lookups = ("active__exact", "active__isnull")
    ordering = ("name",)
    sortable_by = ("name", "created_at")  # to sort by number of users, all would be counted
    search_fields = ("name",)
    search_help_text = "Every word is in the name."
    trail_of = "client"

    @override
    def known_total(self, found: Any, chosen: Mapping[str, list[str]]) -> int | None:
        return cast(int, found.count())  # they are not so many

    @override
    def get_queryset(self, request: HttpRequest) -> ClientQuerySet:
        return cast(ClientQuerySet, super().get_queryset(request)).with_users_count()

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("name", "active", "version") if obj else ("name", "active")
        return (("Profile" if obj else None, {"fields": fields}),)

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        client = context["adminform"].form.read  # not as it was typed
        if client.pk:
            context.update(original=client, title=client.name, subtitle=None)
            context["client"] = page_of(client)
            context["acts"] = self.offered(client)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(ordering="active")
    def status(self, client: Client) -> SafeString:
        return badge("active" if client.active else "inactive")

    def users(self, client: Any) -> str:
        url = reverse("admin:users_user_changelist", query={"client": client.pk})
        return format_html('<a href="{}">{}</a>', url, client.users_count)


def page_of(client: Client) -> dict[str, Any]:
    """Return what the template shows of the client, by four queries."""
    done_to = AuditEvent.objects.filter(target_type="client", target_id=client.pk)
    return {
        "row": client,
        "status": badge("active" if client.active else "inactive"),
        "since": instant(client.created_at),
        "updated": instant(client.updated_at),
        "users": numbers_of(client),
        "time_line": lines_of(done_to.order_by("-id")[:LATEST]),
    }


def numbers_of(client: Client) -> list[tuple[str, int, str]]:
    """Return each status of users with their number and the address of their list."""
    counts = apps.get_model("users", "UserCount")._default_manager.of_client(client.pk)
    path = reverse("admin:users_user_changelist")
    return [
        (status, counts.with_status(status).total(), f"{path}?client={client.pk}&status={status}")
        for status in ("active", "invited", "inactive")
    ]
