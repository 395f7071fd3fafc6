"""Triggers that let rows of the trail be appended, and nothing else.

* An event is never updated. It is deleted only where its lane says that it was pruned, and inserted only
  where its lane has counted it and no row is there yet (SQLite's REPLACE deletes without asking the
  trigger of DELETE).
* A lane is never deleted, never renumbered, and never grows shorter.

Nothing switches them off but the rights of who owns the tables; `manage.py verify_audit` finds what such a
one did.
"""

from django.db import migrations

COUNTED = """SELECT 1 FROM audit_lanes
        WHERE number = NEW.lane AND base_number < NEW.number AND NEW.number <= length"""
PRUNED = "SELECT 1 FROM audit_lanes WHERE number = OLD.lane AND OLD.number <= base_number"
SHRINKS = "NEW.number <> OLD.number OR NEW.length < OLD.length OR NEW.base_number < OLD.base_number"

SQLITE = {
    "audit_events_insert": (
        f"BEFORE INSERT ON audit_events WHEN NOT EXISTS ({COUNTED}) OR EXISTS (SELECT 1 FROM audit_events "
        "WHERE id = NEW.id OR (lane = NEW.lane AND number = NEW.number))",
        "audit_events: only Roster appends",
    ),
    "audit_events_update": ("BEFORE UPDATE ON audit_events", "audit_events: never updated"),
    "audit_events_delete": (
        f"BEFORE DELETE ON audit_events WHEN NOT EXISTS ({PRUNED})",
        "audit_events: deleted by prune_audit alone",
    ),
    "audit_lanes_insert": (
        "BEFORE INSERT ON audit_lanes WHEN EXISTS (SELECT 1 FROM audit_lanes WHERE number = NEW.number)",
        "audit_lanes: never replaced",
    ),
    "audit_lanes_update": (f"BEFORE UPDATE ON audit_lanes WHEN {SHRINKS}", "audit_lanes: never shorter"),
    "audit_lanes_delete": ("BEFORE DELETE ON audit_lanes", "audit_lanes: never deleted"),
}

REFUSE = "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_TABLE_NAME || "
POSTGRESQL = f"""
CREATE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
        IF EXISTS (SELECT 1 FROM audit_events LEFT JOIN audit_lanes ON audit_lanes.number = audit_events.lane
                WHERE audit_events.number <= audit_lanes.base_number IS NOT TRUE) THEN
            {REFUSE} ': deleted by prune_audit alone';
        END IF;
        RETURN NULL;
    END IF;
    {REFUSE} ': never updated';
END $$;
CREATE FUNCTION audit_lanes_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF {SHRINKS} THEN
            {REFUSE} ': never shorter';
        END IF;
        RETURN NEW;
    END IF;
    {REFUSE} ': never deleted';
END $$;
CREATE TRIGGER audit_events_rows BEFORE INSERT OR UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_guard();
CREATE TRIGGER audit_events_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_guard();
CREATE TRIGGER audit_lanes_rows BEFORE UPDATE OR DELETE ON audit_lanes
    FOR EACH ROW EXECUTE FUNCTION audit_lanes_guard();
CREATE TRIGGER audit_lanes_truncate BEFORE TRUNCATE ON audit_lanes
    FOR EACH STATEMENT EXECUTE FUNCTION audit_lanes_guard();
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
        return
    for name, (when, message) in SQLITE.items():
        schema_editor.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION audit_events_guard CASCADE")
        schema_editor.execute("DROP FUNCTION audit_lanes_guard CASCADE")
        return
    for name in SQLITE:
        schema_editor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
