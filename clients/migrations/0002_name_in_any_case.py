"""Client names unique in any case of any script, for whoever writes to the table.

PostgreSQL: a unique index of a function that depends on no locale (an index itself cannot hold so
many letters).
SQLite folds ASCII alone and has no function for more. Triggers keep a folded copy of each name beside
the table and refuse a second one, `INSERT OR IGNORE` and `OR REPLACE` included. A view without rows is their
loop: each letter inserted into it is replaced once. When Django rebuilds a table on SQLite its
triggers are lost: a migration that alters `clients` must call `make_triggers` after it.
"""

from django.db import IntegrityError, migrations

from clients.letters import CAPITALS, PAIRS, SMALL

TABLES = (
    "CREATE TABLE client_names (client_id INTEGER PRIMARY KEY, folded TEXT NOT NULL)",
    "CREATE INDEX client_names_folded ON client_names (folded)",
    "CREATE TABLE letter_cases (capital TEXT PRIMARY KEY, small TEXT NOT NULL) WITHOUT ROWID",
    "CREATE VIEW client_name_letters AS SELECT 0 AS client_id, '' AS capital, '' AS small WHERE 0",
    """
    CREATE TRIGGER client_name_letters_fold INSTEAD OF INSERT ON client_name_letters BEGIN
        UPDATE client_names SET folded = replace(folded, NEW.capital, NEW.small)
            WHERE client_id = NEW.client_id;
    END
    """,
)
FOLD = """
    DELETE FROM client_names WHERE client_id = NEW.id;
    INSERT INTO client_names (client_id, folded) VALUES (NEW.id, lower(NEW.name));
    INSERT INTO client_name_letters (client_id, capital, small)
        SELECT NEW.id, capital, small FROM letter_cases
        WHERE NEW.name GLOB '*[^ -~]*' AND instr(NEW.name, capital);
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: clients.name in any case') WHERE EXISTS (
        SELECT 1 FROM client_names
        WHERE folded = (SELECT folded FROM client_names WHERE client_id = NEW.id)
            AND client_id <> NEW.id
    );
"""
TRIGGERS = (
    f"CREATE TRIGGER clients_name_insert AFTER INSERT ON clients BEGIN {FOLD} END",
    f"CREATE TRIGGER clients_name_update AFTER UPDATE OF id, name ON clients BEGIN "
    f"DELETE FROM client_names WHERE client_id = OLD.id; {FOLD} END",
    "CREATE TRIGGER clients_name_delete AFTER DELETE ON clients BEGIN "
    "DELETE FROM client_names WHERE client_id = OLD.id; END",
)


def make_triggers(schema_editor):
    for statement in TRIGGERS:
        schema_editor.execute(statement)
    schema_editor.execute("UPDATE clients SET name = name")


def require_no_clash(apps, schema_editor):
    """Name the clients to rename before this can go on."""
    small = str.maketrans(CAPITALS, SMALL)
    seen = {}
    for pk, name in apps.get_model("clients", "Client").objects.order_by("id").values_list("id", "name"):
        seen.setdefault(name.translate(small), []).append(f"{pk} {name!r}")
    clashes = [", ".join(rows) for rows in seen.values() if len(rows) > 1]
    if clashes:
        raise IntegrityError("Clients of one name in any case, rename them first: " + "; ".join(clashes))


def forwards(apps, schema_editor):
    require_no_clash(apps, schema_editor)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION client_name_fold(name text) RETURNS text "
            "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
            f"AS $$ SELECT translate(name, '{CAPITALS}', '{SMALL}') $$"
        )
        schema_editor.execute(
            "CREATE UNIQUE INDEX clients_name_any_case ON clients (client_name_fold(name))"
        )
        return
    for statement in TABLES:
        schema_editor.execute(statement)
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO letter_cases VALUES (%s, %s)", PAIRS)
    make_triggers(schema_editor)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX clients_name_any_case")
        schema_editor.execute("DROP FUNCTION client_name_fold")
        return
    for name in ("insert", "update", "delete"):
        schema_editor.execute(f"DROP TRIGGER clients_name_{name}")
    schema_editor.execute("DROP VIEW client_name_letters")
    schema_editor.execute("DROP TABLE letter_cases")
    schema_editor.execute("DROP TABLE client_names")


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0001_initial'),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
