"""What the database says of the service's state, for those who watch it: cheap at any size."""

import json
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Min, QuerySet
from django.utils import timezone

from users.counts import UserCount
from users.models import Import, Mail, Session

EXACT = 100_000  # up to here rows are counted, by an index alone; beyond, PostgreSQL estimates
LOOKED_AT = 1000  # waiting mails, those first that are due first
TOO_LONG = timedelta(minutes=15)  # as long as the worker ever waits before it tries a mail again


class Figures(NamedTuple):
    users: dict[tuple[str, str], int]  # by role and status
    sessions: int
    mails_waiting: int
    mails_failed: int
    oldest_mail: float  # seconds that it waits; 0 where none does
    imports_waiting: int


def figures() -> Figures:
    """Return them, by six queries."""
    sums = UserCount.objects.by_role_and_status()
    return Figures(
        users={
            ("administrator" if is_administrator else "regular", status): number
            for (is_administrator, status), number in sums.items()
        },
        sessions=about(Session.objects.live()),
        mails_waiting=about(Mail.objects.waiting()),
        mails_failed=about(Mail.objects.failed()),
        oldest_mail=oldest_mail().total_seconds(),
        imports_waiting=Import.objects.filter(
            state__in=(Import.State.WAITING, Import.State.CONFIRMED)
        ).count(),
    )


def oldest_mail() -> timedelta:
    """Return how long the oldest waiting mail has been waiting since it was written.

    Not since it is due: whenever the mail server does not take it, it is made due later. Of very
    many only those are looked at that come next.
    """
    next_ones = Mail.objects.waiting().order_by("due_at", "pk")[:LOOKED_AT]
    written = next_ones.aggregate(oldest=Min("created_at"))["oldest"]
    return max(timezone.now() - written, timedelta()) if written else timedelta()


def about(rows: QuerySet[Any]) -> int:
    """Return how many rows there are: exactly up to `EXACT`, else as the planner has it.

    SQLite has no such planner, and counts a million by an index in a few hundredths of a second.
    """
    rows = rows.order_by()
    if connection.vendor != "postgresql":
        return rows.count()
    counted = rows[: EXACT + 1].count()
    return counted if counted <= EXACT else max(counted, estimate(rows))


def estimate(rows: QuerySet[Any]) -> int:
    """Return how many rows PostgreSQL's planner expects, of which autovacuum keeps account."""
    plan: Any = json.loads(rows.explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
