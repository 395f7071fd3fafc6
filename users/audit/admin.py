"""The audit trail in the admin site: to be read, never to be written."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from clients.managers import contains_any_case
from config.audit.events import Event
from config.audit.models import AuditEvent, AuditLane
from config.audit.origin import Door
from config.operators.filters import WordFilter
from config.operators.time_line import changes_of
from config.operators.verb_admin import VerbAdmin, is_row_id

ONE_DAY = timedelta(days=1)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class EventFilter(WordFilter):
    title = parameter_name = "event"
    words = tuple(event.value for event in Event)


class DoorFilter(WordFilter):
    title = parameter_name = "door"
    words = tuple(door.value for door in Door)


class RowFilter(admin.SimpleListFilter):
    """Events about one row; shows the one chosen, on the row's own page."""

    def narrow(self, events: Any, row_id: str) -> QuerySet[AuditEvent]:
        raise NotImplementedError

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if chosen is None:
            return []
        if not is_row_id(chosen):
            raise IncorrectLookupParameters
        return [(chosen, f"{self.title} {chosen}")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[AuditEvent]:
        chosen = self.value()
        return queryset if chosen is None else self.narrow(queryset, chosen)


class ConcernsFilter(RowFilter):
    """What a user did and what was done to them."""

    title = parameter_name = "user"

    @override
    def narrow(self, events: Any, row_id: str) -> QuerySet[AuditEvent]:
        did, was_done_to = Q(actor_id=row_id), Q(target_type="user", target_id=row_id)
        return cast(QuerySet[AuditEvent], events.filter(did | was_done_to))


class ClientFilter(RowFilter):
    """What was done to a client."""

    title = parameter_name = "client"

    @override
    def narrow(self, events: Any, row_id: str) -> QuerySet[AuditEvent]:
        done_to = {"target_type": "client", "target_id": row_id}
        return cast(QuerySet[AuditEvent], events.filter(**done_to))


class DayFilter(admin.SimpleListFilter):
    """One day (UTC) as 2026-01-31; shows the one chosen, in the plot of log-ins."""

    title = parameter_name = "day"

    def day(self) -> datetime | None:
        chosen = self.value()
        if chosen is None:
            return None
        if not DAY.match(chosen):
            raise IncorrectLookupParameters
        try:
            day = date.fromisoformat(chosen)
        except ValueError:
            raise IncorrectLookupParameters from None
        if day == date.max:  # no day comes after it
            raise IncorrectLookupParameters
        return datetime.combine(day, time(), UTC)

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        day = self.day()
        return [(day.date().isoformat(), f"{day.date()} (UTC)")] if day else []

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[AuditEvent]:
        day = self.day()
        narrowing = {"at__gte": day, "at__lt": day + ONE_DAY} if day else {}
        return cast(QuerySet[AuditEvent], queryset.filter(**narrowing))


class DaysFilter(WordFilter):
    """The last days (UTC), today included."""

    title, parameter_name = "within", "days"
    words = ("1", "7", "30", "90")

    @override
    def label(self, word: str) -> str:
        return "Today" if word == "1" else f"{word} days"

    @override
    def narrow(self, rows: Any, word: str) -> QuerySet[AuditEvent]:
        first = timezone.now().astimezone(UTC).date() - timedelta(days=int(word) - 1)
        since = datetime.combine(first, time(), UTC)
        return cast(QuerySet[AuditEvent], rows.filter(at__gte=since))


class AuditEventAdmin(VerbAdmin):
    """Events, newest first."""

    actions = None
    list_display = ("at", "event", "actor", "target", "door", "address", "request_id")
    list_filter = (EventFilter, DoorFilter, DaysFilter, DayFilter, ConcernsFilter, ClientFilter)
    lookups = ("event", "door", "days", "day", "user", "client")
    ordering = ("-at", "-id")  # for which each filter has an index
    sortable_by = ("at",)
    fields = ("at", "event", "actor", "target", "changed", "details", "door", "address",
              "request_id", "lane", "number")  # fmt: skip
    readonly_fields = ("changed",)
    search_fields = ("actor", "target")
    search_help_text = "Every word is in the email of who did it, or of whom it was done to."

    @override
    def known_total(self, found: Any, chosen: Mapping[str, list[str]]) -> int | None:
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
