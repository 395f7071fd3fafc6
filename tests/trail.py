"""How tests read the audit trail, and do to it what only SQL can."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection, transaction

from config.audit.events import Event
from config.audit.models import AuditEvent, AuditLane
from config.audit.trail import record

TABLES = ("audit_events", "audit_lanes")


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def alter(row: AuditEvent | AuditLane, **columns: Any) -> None:
    """Write these columns as who owns the tables can, with no trigger in the way."""
    with without_triggers():
        type(row).objects.filter(pk=row.pk).update(**columns)


def remove(*rows: AuditEvent | AuditLane) -> None:
    with without_triggers():
        for row in rows:
            type(row).objects.filter(pk=row.pk).delete()


def put(row: AuditEvent | AuditLane, **columns: Any) -> Any:
    """Insert a copy of a row with these columns, or the row itself where it is gone."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.fields}
    with without_triggers():
        return type(row).objects.create(**{**values, **columns})


@contextmanager
def without_triggers() -> Iterator[None]:
    if connection.vendor == "postgresql":
        for table in TABLES:
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in TABLES:
            run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    with connection.cursor() as cursor:
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE %s"
        triggers = cursor.execute(found, ["audit_%"]).fetchall()
    for name, _ in triggers:
        run(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        run(sql)


def empty() -> None:
    """Forget everything, as no running service can."""
    with without_triggers():
        AuditEvent.objects.all().delete()
        AuditLane.objects.all().delete()


def act(event: Event = Event.LOGIN, **options: Any) -> AuditEvent:
    """Record an act of nobody and return its row."""
    with transaction.atomic():
        record(event, **{"actor": None, **options})
    return AuditEvent.objects.latest("id")


def fill_lane(length: int, lane: int = 0) -> list[AuditEvent]:
    """Record acts in one lane (any, if 0) until there are so many; return all in order."""
    lane = lane or act().lane
    with_lane = AuditEvent.objects.filter(lane=lane).order_by("number")
    while with_lane.count() < length:
        with transaction.atomic(), only_lane(lane):
            record(Event.LOGIN, actor=None)
    return list(with_lane)


@contextmanager
def only_lane(number: int) -> Iterator[None]:
    """Let the next lane taken be this one, by asking the table for nothing else."""

    def narrow(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and '"audit_lanes"' in sql and "RAND" in sql.upper():
            sql = sql.replace(" ORDER BY", f' WHERE "audit_lanes"."number" = {number} ORDER BY')
        return execute(sql, params, many, context)

    with connection.execute_wrapper(narrow):
        yield


def verify(**options: Any) -> list[str]:
    """Return the lines of `manage.py verify_audit`: its faults, none where it is content."""
    out = StringIO()
    try:
        call_command("verify_audit", stdout=out, **options)
    except CommandError:
        return out.getvalue().splitlines()
    assert out.getvalue().startswith("No faults.")
    return []


def events(**filters: Any) -> list[dict[str, Any]]:
    """Return what has been recorded, oldest first, with its JSON read."""
    rows = AuditEvent.objects.filter(**filters).order_by("id").values()
    return [
        {**row, "changes": json.loads(row["changes"]), "details": json.loads(row["details"])}
        for row in rows
    ]


def names(**filters: Any) -> list[str]:
    return [row["event"] for row in events(**filters)]


def lane_of(row: AuditEvent) -> AuditLane:
    return AuditLane.objects.get(pk=row.lane)
