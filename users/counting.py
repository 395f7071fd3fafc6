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
from dataclasses import dataclass

from django.db import connection

BLOCK_BITS = 16  # of an id that say where in its block it is: 65,536 ids have the others in common


def status_of(row: str) -> str:
    """Return `User.status` in SQL."""
    return (
        f"CASE WHEN NOT {row}.active THEN 'inactive'"
        f" WHEN substr({row}.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END"
    )


@dataclass(frozen=True)
class Tally:
    """A table with a number of users for each key."""

    table: str
    columns: tuple[str, ...]  # of a key
    key: str  # in SQL, of a user that stands for {row}
    noted: str  # of a row of `user_counts_replaced`, which stands for one

    @property
    def names(self) -> str:
        return ", ".join(self.columns)

    @property
    def positions(self) -> str:
        return ", ".join(str(number + 1) for number in range(len(self.columns)))

    def key_of(self, row: str) -> str:
        return self.key.format(row=row, status=status_of(row))

    def is_of(self, key: str) -> str:
        """Return the condition that a row has this key."""
        return f"({self.names}) = ({key})"


COUNTS = Tally(
    "user_counts", ("client_id", "status"), "coalesce({row}.client_id, 0), {status}",
    noted="noted.client_id, noted.status",
)  # fmt: skip
BLOCKS = Tally(
    "user_blocks", ("block", "role", "status"),
    f"{{row}}.id >> {BLOCK_BITS},"
    " CASE WHEN {row}.client_id IS NULL THEN 'administrator' ELSE 'regular' END, {status}",
    noted=f"noted.user_id >> {BLOCK_BITS},"
    " CASE noted.client_id WHEN 0 THEN 'administrator' ELSE 'regular' END, noted.status",
)  # fmt: skip
TALLIES = (COUNTS, BLOCKS)


def _recount(tally: Tally) -> tuple[str, str]:
    return (
        f"DELETE FROM {tally.table}",
        f"INSERT INTO {tally.table} ({tally.names}, number, folded)"
        f" SELECT {tally.key_of('users')}, count(*), true FROM users GROUP BY {tally.positions}",
    )


def _miscounted(tally: Tally) -> str:
    """Return a query of one statement, which sees one moment, whoever writes meanwhile."""
    return f"""
        SELECT {tally.names}, sum(counted), sum(present) FROM (
            SELECT {tally.names}, number AS counted, 0 AS present FROM {tally.table}
            UNION ALL SELECT {tally.key_of("users")}, 0, count(*) FROM users
            GROUP BY {tally.positions}
        ) AS keys
        GROUP BY {tally.positions} HAVING sum(counted) <> sum(present) ORDER BY {tally.positions}
    """


RECOUNT = tuple(statement for tally in TALLIES for statement in _recount(tally))
MISCOUNTED = {tally.table: _miscounted(tally) for tally in TALLIES}
CHANGES = " OR ".join(
    (
        "coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0)",
        f"{status_of('OLD')} <> {status_of('NEW')}",
        f"OLD.id >> {BLOCK_BITS} <> NEW.id >> {BLOCK_BITS}",
    )
)
KEYS = "id, client_id, active, password_digest"  # the columns that a user is counted by


def _append(number: str, source: str) -> str:
    appends = (
        f"INSERT INTO {tally.table} ({tally.names}, number, folded) "
        f"SELECT {tally.key_of('changed')}, {number}, false FROM {source} AS changed "
        f"GROUP BY {tally.positions};"
        for tally in TALLIES
    )
    return f"BEGIN {' '.join(appends)} RETURN NULL; END"


def _append_update() -> str:
    appends = (
        f"INSERT INTO {tally.table} ({tally.names}, number, folded) VALUES "
        f"({tally.key_of('OLD')}, -1, false), ({tally.key_of('NEW')}, 1, false);"
        for tally in TALLIES
    )
    return f"BEGIN {' '.join(appends)} RETURN NULL; END"


FUNCTIONS = {
    "user_counts_inserted": _append("count(*)", "made"),
    "user_counts_deleted": _append("-count(*)", "gone"),
    "user_counts_updated": _append_update(),
    # Waits for who folds at this moment, whose row a DELETE would not see.
    "user_counts_truncated": "BEGIN TRUNCATE user_counts, user_blocks; RETURN NULL; END",
}
POSTGRESQL = {
    "user_counts_inserted": "INSERT ON users REFERENCING NEW TABLE AS made FOR EACH STATEMENT",
    "user_counts_deleted": "DELETE ON users REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
    "user_counts_updated": f"UPDATE OF {KEYS} ON users FOR EACH ROW WHEN ({CHANGES})",
    "user_counts_truncated": "TRUNCATE ON users FOR EACH STATEMENT",
}


def _add(number: int, row: str) -> str:
    return "".join(
        f"""
        INSERT INTO {tally.table} ({tally.names}, number, folded) SELECT {tally.key_of(row)}, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM {tally.table} WHERE {tally.is_of(tally.key_of(row))});
        UPDATE {tally.table} SET number = number + {number}
            WHERE {tally.is_of(tally.key_of(row))};"""
        for tally in TALLIES
    )


NOTE_REPLACED = f"""
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, {COUNTS.key_of("users")} FROM users
            WHERE (id = NEW.id OR email = NEW.email)"""
_TAKE_OFF = "".join(
    f"""
        UPDATE {tally.table} SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS noted WHERE {tally.is_of(tally.noted)}
        ) WHERE ({tally.names}) IN (SELECT {tally.noted} FROM user_counts_replaced AS noted);"""
    for tally in TALLIES
)
# Before an INSERT without id NEW.id is -1, which a user may have: who is still there is forgotten.
TAKE_REPLACED_OFF = f"""
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);{_TAKE_OFF}
        DELETE FROM user_counts_replaced;"""
REPLACING = """EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE email = NEW.email)
        OR EXISTS (SELECT 1 FROM user_counts_replaced)"""  # which an INSERT OR IGNORE left there
REPLACED = "EXISTS (SELECT 1 FROM user_counts_replaced)"
MOVING = "UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email)"
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


def _fold(tally: Tally) -> str:
    same = " AND ".join(f"{name} = keys.{name}" for name in tally.columns)
    return f"""
        WITH appended AS MATERIALIZED (
            SELECT id, {tally.names} FROM {tally.table} WHERE NOT folded ORDER BY id LIMIT %s
            FOR UPDATE SKIP LOCKED
        ), totals AS MATERIALIZED (
            SELECT total.id FROM (SELECT DISTINCT {tally.names} FROM appended) AS keys
            CROSS JOIN LATERAL (
                SELECT id FROM {tally.table} WHERE {same} AND folded FOR UPDATE SKIP LOCKED
            ) AS total
        ), gone AS (
            DELETE FROM {tally.table}
            WHERE id IN (SELECT id FROM appended UNION ALL SELECT id FROM totals)
            RETURNING {tally.names}, number
        )
        INSERT INTO {tally.table} ({tally.names}, number, folded)
        SELECT {tally.names}, sum(number), true FROM gone
        GROUP BY {tally.positions} HAVING sum(number) <> 0
    """


FOLD = {tally.table: _fold(tally) for tally in TALLIES}


def statements(vendor: str) -> Iterator[str]:
    """Yield the statements that make the triggers, on SQLite after their `removals`."""
    if vendor == "postgresql":
        for name, body in FUNCTIONS.items():
            yield (
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
                f" AS $${body}$$"
            )
        for name, when in POSTGRESQL.items():
            yield f"CREATE OR REPLACE TRIGGER {name} AFTER {when} EXECUTE FUNCTION {name}()"
        return
    for name, rest in SQLITE.items():
        yield f"CREATE TRIGGER {name} {rest}"


def removals(vendor: str) -> Iterator[str]:
    """Yield the statements that undo `statements`."""
    if vendor == "postgresql":
        yield from (f"DROP FUNCTION {name} CASCADE" for name in FUNCTIONS)
        return
    yield from (f"DROP TRIGGER {name}" for name in SQLITE)


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
