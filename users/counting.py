"""The triggers that count users, whoever writes to the table.

PostgreSQL: they append what changed, so that no two transactions ever wait for each other; readers
add up, `UserCount.objects.fold` keeps the rows few. INSERT and DELETE append once a statement;
UPDATE once a row, because only then does WHEN spare all that change nothing here, log-ins first.
SQLite has one writer: its rows are totals. REPLACE deletes rows without asking the trigger of
DELETE, so what a row could replace is noted before it and taken off after it.

When Django rebuilds a table on SQLite its triggers are lost: a migration that alters `users` must
make them again and count anew (`statements`, `RECOUNT`). `manage.py check --database default`
and every `migrate` say when one is missing, or the numbers are wrong.
"""

# ruff: noqa: S608 # all SQL here is made of constants
from collections.abc import Iterator

from django.db import connection


def status_of(row: str) -> str:
    """Return `User.status` in SQL."""
    return (
        f"CASE WHEN NOT {row}.active THEN 'inactive'"
        f" WHEN substr({row}.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END"
    )


def key_of(row: str) -> str:
    return f"coalesce({row}.client_id, 0), {status_of(row)}"


RECOUNT = (
    "DELETE FROM user_counts",
    "INSERT INTO user_counts (client_id, status, number, folded)"
    f" SELECT {key_of('users')}, count(*), true FROM users GROUP BY 1, 2",
)
# One statement sees one moment, whoever writes meanwhile.
MISCOUNTED = f"""
    SELECT client_id, status, sum(counted), sum(present) FROM (
        SELECT client_id, status, number AS counted, 0 AS present FROM user_counts
        UNION ALL SELECT {key_of("users")}, 0, count(*) FROM users GROUP BY 1, 2
    ) AS keys GROUP BY 1, 2 HAVING sum(counted) <> sum(present) ORDER BY 1, 2
"""
CHANGES = " OR ".join(
    (
        "coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0)",
        f"{status_of('OLD')} <> {status_of('NEW')}",
    )
)
KEYS = "client_id, active, password_digest"  # the columns that a user is counted by


def _append(number: str, source: str) -> str:
    return (
        "BEGIN INSERT INTO user_counts (client_id, status, number, folded) "
        f"SELECT {key_of('changed')}, {number}, false FROM {source} AS changed GROUP BY 1, 2; "
        "RETURN NULL; END"
    )


FUNCTIONS = {
    "user_counts_inserted": _append("count(*)", "made"),
    "user_counts_deleted": _append("-count(*)", "gone"),
    "user_counts_updated": (
        "BEGIN INSERT INTO user_counts (client_id, status, number, folded) VALUES "
        f"({key_of('OLD')}, -1, false), ({key_of('NEW')}, 1, false); RETURN NULL; END"
    ),
    # Waits for who folds at this moment, whose row a DELETE would not see.
    "user_counts_truncated": "BEGIN TRUNCATE user_counts; RETURN NULL; END",
}
POSTGRESQL = {
    "user_counts_inserted": "INSERT ON users REFERENCING NEW TABLE AS made FOR EACH STATEMENT",
    "user_counts_deleted": "DELETE ON users REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
    "user_counts_updated": f"UPDATE OF {KEYS} ON users FOR EACH ROW WHEN ({CHANGES})",
    "user_counts_truncated": "TRUNCATE ON users FOR EACH STATEMENT",
}


def _add(number: int, row: str) -> str:
    there = f"client_id = coalesce({row}.client_id, 0) AND status = {status_of(row)}"
    return f"""
        INSERT INTO user_counts (client_id, status, number, folded) SELECT {key_of(row)}, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE {there});
        UPDATE user_counts SET number = number + {number} WHERE {there};"""


NOTE_REPLACED = f"""
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, {key_of("users")} FROM users
            WHERE (id = NEW.id OR email = NEW.email)"""
# Before an INSERT without id NEW.id is -1, which a user may have: who is still there is forgotten.
TAKE_REPLACED_OFF = """
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);
        UPDATE user_counts SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS replaced
            WHERE replaced.client_id = user_counts.client_id
                AND replaced.status = user_counts.status
        ) WHERE (client_id, status) IN (SELECT client_id, status FROM user_counts_replaced);
        DELETE FROM user_counts_replaced;"""
REPLACING = """EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE email = NEW.email)
        OR EXISTS (SELECT 1 FROM user_counts_replaced)"""  # which an INSERT OR IGNORE left there
REPLACED = "EXISTS (SELECT 1 FROM user_counts_replaced)"
MOVING = "UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email)"
SQLITE_TABLE = """CREATE TABLE user_counts_replaced (
    user_id INTEGER PRIMARY KEY, client_id INTEGER, status TEXT
)"""
SQLITE = {
    "user_counts_inserting": (
        f"BEFORE INSERT ON users WHEN {REPLACING} BEGIN {NOTE_REPLACED}; END"
    ),
    "user_counts_inserted": f"AFTER INSERT ON users BEGIN {_add(1, 'NEW')} END",
    "user_counts_replaced_by_insert": (
        f"AFTER INSERT ON users WHEN {REPLACED} BEGIN {TAKE_REPLACED_OFF} END"
    ),
    "user_counts_deleted": (
        # REPLACE does ask it where the connection has set `recursive_triggers`.
        f"AFTER DELETE ON users BEGIN {_add(-1, 'OLD')}"
        " DELETE FROM user_counts_replaced WHERE user_id = OLD.id; END"
    ),
    "user_counts_updated": (
        f"AFTER UPDATE OF {KEYS} ON users WHEN {CHANGES}"
        f" BEGIN {_add(-1, 'OLD')}{_add(1, 'NEW')} END"
    ),
    "user_counts_moving": f"BEFORE {MOVING} BEGIN {NOTE_REPLACED} AND id <> OLD.id; END",
    "user_counts_replaced_by_update": (
        f"AFTER {MOVING} AND {REPLACED} BEGIN {TAKE_REPLACED_OFF} END"
    ),
}
FOLD = """
    WITH appended AS MATERIALIZED (
        SELECT id, client_id, status FROM user_counts WHERE NOT folded ORDER BY id LIMIT %s
        FOR UPDATE SKIP LOCKED
    ), totals AS MATERIALIZED (
        SELECT total.id FROM (SELECT DISTINCT client_id, status FROM appended) AS keys
        CROSS JOIN LATERAL (
            SELECT id FROM user_counts
            WHERE client_id = keys.client_id AND status = keys.status AND folded
            FOR UPDATE SKIP LOCKED
        ) AS total
    ), gone AS (
        DELETE FROM user_counts
        WHERE id IN (SELECT id FROM appended UNION ALL SELECT id FROM totals)
        RETURNING client_id, status, number
    )
    INSERT INTO user_counts (client_id, status, number, folded)
    SELECT client_id, status, sum(number), true FROM gone
    GROUP BY 1, 2 HAVING sum(number) <> 0
"""


def statements(vendor: str) -> Iterator[str]:
    """Yield the statements that make the triggers."""
    if vendor == "postgresql":
        for name, body in FUNCTIONS.items():
            yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
        for name, when in POSTGRESQL.items():
            yield f"CREATE TRIGGER {name} AFTER {when} EXECUTE FUNCTION {name}()"
        return
    yield SQLITE_TABLE
    for name, rest in SQLITE.items():
        yield f"CREATE TRIGGER {name} {rest}"


def removals(vendor: str) -> Iterator[str]:
    """Yield the statements that undo `statements`."""
    if vendor == "postgresql":
        yield from (f"DROP FUNCTION {name} CASCADE" for name in FUNCTIONS)
        return
    yield from (f"DROP TRIGGER {name}" for name in SQLITE)
    yield "DROP TABLE user_counts_replaced"


def missing_triggers() -> list[str]:
    """Return the names of triggers that are gone or switched off; without them counts go wrong."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger"
                " WHERE tgrelid = to_regclass('users') AND tgenabled IN ('O', 'A')"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        found = {name for (name,) in cursor.fetchall()}
    return sorted((POSTGRESQL if connection.vendor == "postgresql" else SQLITE).keys() - found)
