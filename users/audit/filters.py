"""How the list of events is narrowed."""

from django.db.models import QuerySet

from config.api.parameters import InstantFilter, Narrowing, OneOfFilter, PositiveFilter
from config.api.routing import MAX_ID
from config.audit.events import Event
from config.audit.models import AuditEvent

Events = QuerySet[AuditEvent]


class EventFilters(Narrowing):
    """All combined by AND. `since` and `until` of two windows side by side miss nothing."""

    actor = PositiveFilter("actor_id", high=MAX_ID)
    target = PositiveFilter(high=MAX_ID, method="filter_target")
    target_client = PositiveFilter(high=MAX_ID, method="filter_target_client")
    event = OneOfFilter(words=tuple(event.value for event in Event))
    since = InstantFilter("at", "gte")
    until = InstantFilter("at", "lt")

    class Meta:
        model = AuditEvent
        fields: tuple[str, ...] = ()

    def filter_target(self, events: Events, name: str, value: int) -> Events:
        return events.filter(target_type="user", target_id=value)

    def filter_target_client(self, events: Events, name: str, value: int) -> Events:
        return events.filter(target_type="client", target_id=value)
