"""Very many rows, made by the database itself."""

# ruff: noqa: S608 # all SQL here is ours
from django.db import connection, transaction

from config.audit.lanes import take_lane
from config.audit.trail import save_lane
from tests.factories import DIGEST
from users.counts import UserCount

COMMON, RARE, NOBODY = "person", "zebra", "xylophone"  # words to look for
EVENTS = 3  # for each user
DAYS = 90  # over which these are spread


def fill(users: int) -> None:
    """Make users, a tenth as many clients, and what so many leave behind in the other tables.

    A third of the users belong to one client; one in ten never logged in, one in twenty is
    inactive, one in a hundred invited. Of the events a third are log-ins, a third refusals.
    """
    insert("clients", "name, active, created_at, updated_at", users // 10,
           f"'Client ' || n, n % 50 <> 0, {ago('n')}, {ago('n')}")  # fmt: skip
    first = scalar("SELECT min(id) FROM clients")
    rare = f"CASE WHEN n = {users // 2 + 1} THEN '{RARE} ' ELSE '' END"
    name, login = f"{rare} || '{COMMON} ' || (n % 1000)", ago("n % 40000 * 864")
    client = f"CASE WHEN n % 3 = 0 THEN {first} ELSE {first} + n % {max(1, users // 10)} END"
    insert("users", "name, email, password_digest, client_id, active, created_at, updated_at,"
           " last_login_at", users,
           f"{name}, 'user' || n || '@example.com',"
           f" CASE WHEN n % 100 = 7 THEN '!' ELSE '{DIGEST}' END,"
           f" CASE WHEN n % 10000 <> 0 THEN {client} END, n % 20 <> 0, {ago('n')}, {ago('n')},"
           f" CASE WHEN n % 10 <> 0 AND n % 100 <> 7 THEN {login} END")  # fmt: skip
    first = scalar("SELECT max(id) FROM users") - users
    times = f"{ago('60')}, {ago('60')}, {ago('-864000')}"
    insert("sessions", "user_id, created_at, refreshed_at, expires_at, refresh_id, user_agent",
           users // 5, f"{first} + n, {times}, {uuid()}, 'B'")  # fmt: skip
    insert("mails", "kind, user_id, recipient, state, attempts, created_at, due_at, error",
           users // 10, f"'invitation', {first} + n, 'user' || n || '@example.com', 'sent', 1,"
           f" {ago('60')}, {ago('60')}, ''")  # fmt: skip
    fill_trail(users * EVENTS, first)
    UserCount.objects.fold()
    with connection.cursor() as cursor:  # as autovacuum does, and nothing on SQLite
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")


def fill_trail(events: int, first_user: int) -> None:
    kind = "CASE n % 3 WHEN 0 THEN 'login' WHEN 1 THEN 'login_refused' ELSE 'user_updated' END"
    with transaction.atomic():
        lane = take_lane()
        before, lane.length = lane.length, lane.length + events
        save_lane(lane)
        insert("audit_events", "lane, number, at, event, actor, target_type, target_id, target,"
               " door, address, request_id, changes, details, previous, mac", events,
               f"{lane.number}, {before} + n,"
               f" {ago(f'({events} - n) * {DAYS * 86400.0 / max(1, events)}')},"
               f" CASE WHEN n = 5 THEN 'client_created' ELSE {kind} END, '', 'user',"
               f" {first_user} + 1 + n % {max(1, events // EVENTS)},"
               f" 'user' || n % {max(1, events // EVENTS)} || '@example.com',"
               " 'api', '192.0.2.1', 'a0b1c2d3e4f5', '{}', '{}', 'x', 'x'")  # fmt: skip


def insert(table: str, columns: str, number: int, values: str) -> None:
    """Insert rows whose `values` are SQL of `n`, which goes from 1 to `number`."""
    if number < 1:
        return
    series = f"series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {number})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) WITH RECURSIVE {series} SELECT {values} FROM series"
        )


def scalar(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def ago(seconds: str) -> str:
    if connection.vendor == "postgresql":
        return f"now() - ({seconds}) * interval '1 second'"
    return f"strftime('%Y-%m-%d %H:%M:%S', julianday('now') - ({seconds}) / 86400.0)"


def uuid() -> str:
    return "gen_random_uuid()" if connection.vendor == "postgresql" else "hex(randomblob(16))"
