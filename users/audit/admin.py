"""The audit trail in the admin site: to be read, never to be written."""

import json
from collections.abc import Mapping
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from typing_extensions import override

from clients.managers import contains_any_case
from config.api.values import represent_value
from config.audit.events import Event
from config.audit.models import AuditEvent, AuditLane
from config.audit.origin import Door
from config.operators.filters import WordFilter
from config.operators.verb_admin import VerbAdmin, is_row_id
from users.audit.representation import read

LATEST = 50  # events on a user's page


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


class AuditEventAdmin(VerbAdmin):
    """Events, newest first."""

    actions = None
    list_display = ("at", "event", "actor", "target", "door", "address", "request_id")
    list_filter = (EventFilter, DoorFilter, ConcernsFilter)
    lookups = ("event", "door", "user")
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


def changes_of(event: AuditEvent) -> str:
    """Return the changes as text, such as `name: "Rita" → "Rita N."`."""
    changes = read(event.changes)
    if changes is None:
        return str(event.changes)  # SQLite keeps bytes where text should be
    return ", ".join(
        f"{name}: " + " → ".join(json.dumps(value, ensure_ascii=False) for value in pair)
        if isinstance(pair, list)
        else f"{name}: {pair}"
        for name, pair in changes.items()
    )


def time_line_of(user_id: int) -> SafeString:
    """Return the latest events that concern a user, as HTML, and a link to all of them."""
    lines = format_html_join("", "<li>{} <b>{}</b> {}</li>", map(_line, latest_of(user_id)))
    url = reverse("admin:audit_auditevent_changelist", query={"user": user_id})
    return format_html('<ul>{}</ul><a href="{}">All events of this user</a>', lines, url)


def latest_of(user_id: int) -> list[AuditEvent]:
    """Return the latest events by or on a user; two queries, an index for each."""
    did = AuditEvent.objects.filter(actor_id=user_id).order_by("-id")
    was_done_to = AuditEvent.objects.filter(target_type="user", target_id=user_id).order_by("-id")
    found = {*did[:LATEST], *was_done_to[:LATEST]}
    return sorted(found, key=lambda event: event.pk, reverse=True)[:LATEST]


def _line(event: AuditEvent) -> tuple[Any, ...]:
    parts = {"by": event.actor, "on": event.target, "from": event.address, "through": event.door}
    said = [f"{word} {what}" for word, what in parts.items() if what]
    return represent_value(event.at), event.event, "; ".join([" ".join(said), changes_of(event)])
