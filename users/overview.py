"""The start page of the operators' site: its numbers, each with the list behind it.

Seven queries whatever there is: users by role and status, those dormant, clients, the largest of
them and their names, log-ins by day, the latest acts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from clients.models import Client
from config.api.values import represent_value
from config.audit.events import Event
from config.audit.models import AuditEvent
from config.operators.charts import Bar, bars, columns
from config.operators.time_line import words_of
from users.counts import ADMINISTRATORS, UserCount
from users.models import User

DAYS = 30  # of log-ins, today included
DORMANT = 90  # days; one of those that the list of users can be narrowed to
LARGEST = 10  # clients
LATEST = 10  # acts
LOGINS = {Event.LOGIN: "Log-ins", Event.LOGIN_REFUSED: "Refused"}


@dataclass(frozen=True)
class Figure:
    """A number, what it says, and the list that has so many rows."""

    name: str
    number: int
    url: str
    note: str = ""

    @property
    def grouped(self) -> str:
        return f"{self.number:,}"


@dataclass(frozen=True)
class Plot:
    """A drawing, and its numbers as a table: each row's name and figures."""

    title: str
    drawing: SafeString
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Figure]]]
    keys: Sequence[str] = ()  # what its colours stand for


def overview() -> dict[str, Any]:
    """Return what the template shows: `figures`, `plots`, `acts`."""
    numbers = UserCount.objects.by_role_and_status()
    return {
        "figures": figures_of(numbers),
        "plots": [plot_of_logins(), plot_of_clients(numbers)],
        "acts": [shown(act) for act in AuditEvent.objects.order_by("-id")[:LATEST]],
        "acts_url": list_of("audit_auditevent"),
    }


def list_of(rows: str, **chosen: Any) -> str:
    return reverse(f"admin:{rows}_changelist", query=chosen or None)


def list_of_users(**chosen: Any) -> str:
    return list_of("users_user", **chosen)


def figures_of(numbers: dict[tuple[bool, str], int]) -> list[Figure]:
    def total(*, role: bool | None = None, status: str | None = None) -> int:
        return sum(n for (r, s), n in numbers.items() if role in (None, r) and status in (None, s))

    dormant = {"active__exact": 1, "last_login": DORMANT}
    return [
        Figure("Users", total(), list_of_users()),
        Figure("Administrators", total(role=True), list_of_users(role="administrator")),
        Figure("Clients", Client.objects.count(), list_of("clients_client")),
        Figure(
            *("Invited", total(status="invited"), list_of_users(status="invited")),
            note="have set no password yet",
        ),
        Figure(
            *("Inactive", total(status="inactive"), list_of_users(status="inactive")),
            note="may not log in",
        ),
        Figure(
            *("Dormant", dormant_users(), list_of_users(**dormant)),
            note=f"active, last log-in over {DORMANT} days ago",
        ),
    ]


def dormant_users() -> int:
    bound = timezone.now() - timedelta(days=DORMANT)
    return int(User.objects.active().filter(last_login_at__lt=bound).count())


def plot_of_logins() -> Plot:
    title = f"Log-ins of the last {DAYS} days"
    today = timezone.now().astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    found = logins_of(days)
    names = [day.isoformat() for day in days]
    series = {name: [found[event, day] for day in days] for event, name in LOGINS.items()}
    rows = [
        (day.isoformat(), [_logins(event, day, found[event, day]) for event in LOGINS])
        for day in reversed(days)
    ]
    whole = [
        Figure(name, sum(series[name]), list_of("audit_auditevent", event=event.value, days=DAYS))
        for event, name in LOGINS.items()
    ]
    heads = ["Day (UTC)", *LOGINS.values()]
    drawing = columns(title, names, series)
    return Plot(title, drawing, heads, [("All days", whole), *rows], list(LOGINS.values()))


def _logins(event: Event, day: date, number: int) -> Figure:
    chosen = {"event": event.value, "day": day.isoformat()}
    return Figure(LOGINS[event], number, list_of("audit_auditevent", **chosen))


def logins_of(days: Sequence[date]) -> dict[tuple[Event, date], int]:
    """Return how many there were; each day is a range of an index, which no grouping equals."""
    wanted = [(event, day) for event in LOGINS for day in days]
    one = "SELECT {}, COUNT(*) FROM audit_events WHERE event = %s AND at >= %s AND at < %s"
    values: list[Any] = []
    for event, day in wanted:
        bounds = (start_of(day), start_of(day + timedelta(days=1)))
        values += [event.value, *map(connection.ops.adapt_datetimefield_value, bounds)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(map(one.format, range(len(wanted)))), values)
        return {wanted[place]: number for place, number in cursor.fetchall()}


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def plot_of_clients(numbers: dict[tuple[bool, str], int]) -> Plot:
    title = "Users by client"
    largest = UserCount.objects.largest_clients(LARGEST)
    names = Client.objects.in_bulk([*largest] or [ADMINISTRATORS])
    rows = [
        Bar(names[pk].name, number, list_of_users(client=pk))
        for pk, number in largest.items()
        if pk in names
    ]
    regular = sum(n for (is_administrator, _), n in numbers.items() if not is_administrator)
    if others := regular - sum(row.number for row in rows):
        rows.append(Bar("All other clients", others))
    whole = sum(numbers.values()) - regular
    rows.append(Bar("Administrators", whole, list_of_users(role="administrator")))
    table = [(row.name, [Figure(row.name, row.number, row.url)]) for row in rows]
    return Plot(title, bars(title, rows), ["Client", "Users"], table)


def shown(act: AuditEvent) -> dict[str, Any]:
    """Return an act with addresses of its page and of whom it was done to."""
    pages = {"user": "admin:users_user_change", "client": "admin:clients_client_change"}
    page = pages.get(act.target_type) if act.target_id else None
    return {
        "act": act,
        "words": words_of(act),
        "at": represent_value(act.at),
        "url": reverse("admin:audit_auditevent_change", args=(act.pk,)),
        "target_url": reverse(page, args=(act.target_id,)) if page else "",
        "actor_url": (
            reverse("admin:users_user_change", args=(act.actor_id,)) if act.actor_id else ""
        ),
    }
