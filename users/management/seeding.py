"""Very many demo users, made by the database itself."""

# ruff: noqa: S608 # all SQL here is ours
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from users.models import User

DOMAIN = "demo.example"  # reserved for examples (RFC 2606): whoever has this address was seeded
PREFIX = "Demo Client "
MANY = 100_000  # from as many on PostgreSQL builds indexes anew in less time than it keeps them

# What owns rows of `users` alone knows how to drop and to make them again; others drop nothing.
INDEXES = """
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE indrelid = 'users'::regclass AND NOT indisunique AND pg_has_role(relowner, 'USAGE')
"""
CONSTRAINTS = """
    SELECT format('ALTER TABLE users DROP CONSTRAINT %%I', conname),
           format('ALTER TABLE users ADD CONSTRAINT %%I %%s', conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c JOIN pg_class ON pg_class.oid = conrelid
    WHERE conrelid = 'users'::regclass AND contype = ANY (%s) AND pg_has_role(relowner, 'USAGE')
"""


def insert_users(
    numbers: range, *, clients: int, digest: str, names: Sequence[Sequence[str]]
) -> int:
    """Insert those that are not there yet and return how many these were.

    They are spread over the first `clients` seeded clients; `names` are the first and last ones.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    first, last = (case_of(some, divisor) for some, divisor in zip(names, (1, 10), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO users
                (name, email, password_digest, client_id, active, created_at, updated_at)
            WITH RECURSIVE
            series (n) AS (
                SELECT {numbers.start} UNION ALL SELECT n + 1 FROM series WHERE n < {numbers[-1]}
            ),
            owners (id, place) AS (
                SELECT id, row_number() OVER (ORDER BY id) - 1 FROM clients
                WHERE substr(name, 1, {len(PREFIX)}) = '{PREFIX}' ORDER BY id LIMIT {clients}
            )
            SELECT {first} || ' ' || {last}, 'user' || n || '@{DOMAIN}', %s, id, true, %s, %s
            FROM series JOIN owners ON place = n %% {clients}
            WHERE true ORDER BY n
            ON CONFLICT DO NOTHING
            """,
            [*names[0], *names[1], digest, now, now],
        )
        return int(cursor.rowcount)


def case_of(names: Sequence[str], divisor: int) -> str:
    choices = " ".join(f"WHEN {number} THEN %s" for number in range(len(names)))
    return f"CASE n / {divisor} %% {len(names)} {choices} END"


@contextmanager
def without_indexes() -> Iterator[None]:
    """Build the indexes and check the keys of `users` once, after the rows are there.

    All in one transaction: whoever looks meanwhile waits, and nobody ever sees them missing. Where
    emails may turn up that are there, what keeps them apart stays.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        is_seeded = User.objects.filter(email__startswith="user", email__endswith=DOMAIN).exists()
        cursor.execute(CONSTRAINTS, [["f"] if is_seeded else ["f", "u"]])
        parts = cursor.fetchall()
        cursor.execute(INDEXES)
        parts += cursor.fetchall()
        for drop, _ in parts:
            cursor.execute(drop)
        yield
        for _, make in parts:
            cursor.execute(make)
        cursor.execute("ANALYZE users")
