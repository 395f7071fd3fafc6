"""The audit trail in the admin site: to be read, never to be written."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest
from typing_extensions import override

from clients.managers import contains_any_case
from config.audit.events import Event
from config.audit.models import AuditEvent, AuditLane
from config.audit.origin import Door
from config.operators.filters import WordFilter
from config.operators.time_line import changes_of
from config.operators.verb_admin import VerbAdmin, is_row_id


class EventFilter(WordFilter):
    title = parameter_name = "event"
    words = tuple(event.value for event in Event)


class DoorFilter(WordFilter):
    title = parameter_name = "door"
    words = tuple(door.value for door in Door)


class ConcernsFilter(admin.SimpleListFilter):
    """What a user did and what was done to them; shows the one chosen, on their own page."""

    title = "user"
    parameter_name = "user"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if chosen is None:
            return []
        if not is_row_id(chosen):
            raise IncorrectLookupParameters
        return [(chosen, f"user {chosen}")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[AuditEvent]:
        chosen = self.value()
        if chosen is None:
            return cast(QuerySet[AuditEvent], queryset)
        did, was_done_to = Q(actor_id=chosen), Q(target_type="user", target_id=chosen)
        return cast(QuerySet[AuditEvent], queryset.filter(did | was_done_to))


class ClientFilter(admin.SimpleListFilter):
    """What was done to a client; shows the one chosen, on its own page."""

    title = "client"
    parameter_name = "client"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if chosen is None:
            return []
        if not is_row_id(chosen):
            raise IncorrectLookupParameters
        return [(chosen, f"client {chosen}")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[AuditEvent]:
        chosen = self.value()
        done_to = {"target_type": "client", "target_id": chosen} if chosen else {}
        return cast(QuerySet[AuditEvent], queryset.filter(**done_to))


class AuditEventAdmin(VerbAdmin):
    """Events, newest first."""

    actions = None
    list_display = ("at", "event", "actor", "target", "door", "address", "request_id")
    list_filter = (EventFilter, DoorFilter, ConcernsFilter, ClientFilter)
    lookups = ("event", "door", "user", "client")
    fields = ("at", "event", "actor", "target", "changed", "details", "door", "address",
              "request_id", "lane", "number")  # fmt: skip
    readonly_fields = ("changed",)
    search_fields = ("actor", "target")
    search_help_text = "Every word is in the email of who did it, or of whom it was done to."

    @override
    def known_total(self, chosen: Mapping[str, list[str]]) -> int | None:
        return None if chosen else length_of_trail()

    @override
    def matching(self, rows: Any, words: list[str]) -> Any:
        for word in words:
            by = contains_any_case("actor", word, rows.db)
            rows = rows.filter(by | contains_any_case("target", word, rows.db))
        return rows

    @admin.display(description="changes")
    def changed(self, event: AuditEvent) -> str:
        return changes_of(event)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False


def length_of_trail() -> int | None:
    """Return how many events there are, as their lanes say; None where somebody altered these."""
    length = AuditLane.objects.aggregate(length=Sum(F("length") - F("base_number")))["length"]
    return length if isinstance(length, int) and length >= 0 else None
