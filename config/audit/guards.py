"""The triggers that let rows of the trail be appended, and nothing else.

* An event is never updated. It is deleted only where its lane says that it was pruned, and inserted
  only where its lane has counted it and no row is there yet (SQLite's REPLACE deletes without
  asking the trigger of DELETE).
* A lane is never deleted, never renumbered, and never grows shorter.

Migration 0002 made them from here, and `verify_audit` compares them with what is here: a change
needs a migration that makes them anew.
"""

from collections.abc import Iterator

from django.db import connection

COUNTED = """SELECT 1 FROM audit_lanes
        WHERE number = NEW.lane AND base_number < NEW.number AND NEW.number <= length"""
PRUNED = "SELECT 1 FROM audit_lanes WHERE number = OLD.lane AND OLD.number <= base_number"
THERE = "SELECT 1 FROM audit_events WHERE id = NEW.id OR (lane = NEW.lane AND number = NEW.number)"
SHRINKS = "NEW.number <> OLD.number OR NEW.length < OLD.length OR NEW.base_number < OLD.base_number"

SQLITE = {
    "audit_events_insert": (
        f"BEFORE INSERT ON audit_events WHEN NOT EXISTS ({COUNTED}) OR EXISTS ({THERE})",
        "audit_events: only Roster appends",
    ),
    "audit_events_update": ("BEFORE UPDATE ON audit_events", "audit_events: never updated"),
    "audit_events_delete": (
        f"BEFORE DELETE ON audit_events WHEN NOT EXISTS ({PRUNED})",
        "audit_events: deleted by prune_audit alone",
    ),
    "audit_lanes_insert": (
        "BEFORE INSERT ON audit_lanes WHEN EXISTS "
        "(SELECT 1 FROM audit_lanes WHERE number = NEW.number)",
        "audit_lanes: never replaced",
    ),
    "audit_lanes_update": (
        f"BEFORE UPDATE ON audit_lanes WHEN {SHRINKS}",
        "audit_lanes: never shorter",
    ),
    "audit_lanes_delete": ("BEFORE DELETE ON audit_lanes", "audit_lanes: never deleted"),
}

REFUSE = (
    "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_TABLE_NAME || "
)
FUNCTIONS = {
    "audit_events_guard": f"""
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS ({COUNTED}) THEN
            {REFUSE} ': only Roster appends';
        END IF;
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS ({PRUNED}) THEN
            {REFUSE} ': deleted by prune_audit alone';
        END IF;
        RETURN OLD;
    ELSIF TG_OP = 'TRUNCATE' THEN
        IF EXISTS (SELECT 1 FROM audit_events
                LEFT JOIN audit_lanes ON audit_lanes.number = audit_events.lane
                WHERE audit_events.number <= audit_lanes.base_number IS NOT TRUE) THEN
            {REFUSE} ': deleted by prune_audit alone';
        END IF;
        RETURN NULL;
    END IF;
    {REFUSE} ': never updated';
END """,  # noqa: S608 # made of constants
    "audit_lanes_guard": f"""
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF {SHRINKS} THEN
            {REFUSE} ': never shorter';
        END IF;
        RETURN NEW;
    END IF;
    {REFUSE} ': never deleted';
END """,
}
# name: (when, the function that it calls)
POSTGRESQL = {
    "audit_events_rows": (
        "BEFORE INSERT OR UPDATE OR DELETE ON audit_events FOR EACH ROW",
        "audit_events_guard",
    ),
    "audit_events_truncate": (
        "BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT",
        "audit_events_guard",
    ),
    "audit_lanes_rows": (
        "BEFORE UPDATE OR DELETE ON audit_lanes FOR EACH ROW",
        "audit_lanes_guard",
    ),
    "audit_lanes_truncate": (
        "BEFORE TRUNCATE ON audit_lanes FOR EACH STATEMENT",
        "audit_lanes_guard",
    ),
}


def statements(vendor: str) -> Iterator[str]:
    """Yield the statements that make the triggers."""
    if vendor == "postgresql":
        for name, body in FUNCTIONS.items():
            yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
        for name, (when, function) in POSTGRESQL.items():
            yield f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"
        return
    for name in SQLITE:
        yield _sqlite_trigger(name)


def altered_guards() -> list[str]:
    """Return the names of triggers that are gone, switched off or not as they were made."""
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            # Renaming a table there and back leaves its name in quotes.
            found = {name: sql.replace('"', "") for name, sql in cursor.fetchall()}
            return [name for name in SQLITE if found.get(name) != _sqlite_trigger(name)]
        cursor.execute(
            "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE tgrelid IN ('audit_events'::regclass, 'audit_lanes'::regclass)"
            " AND tgenabled IN ('O', 'A')"
        )
        sources = dict(cursor.fetchall())
    return [
        name
        for name, (_, function) in POSTGRESQL.items()
        if sources.get(name) != FUNCTIONS[function]
    ]


def _sqlite_trigger(name: str) -> str:
    when, message = SQLITE[name]
    return f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
