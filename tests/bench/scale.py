"""`make bench-scale`: what lists of very many users take in the server, and a walk through all."""

# ruff: noqa: S608 # all SQL here is ours
import logging
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import django
from django.apps import apps
from django.db import connection
from django.test.utils import setup_test_environment
from rest_framework.test import APIClient

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from config.api.cursors import beside
from tests.factories import DIGEST
from tests.live.conftest import BASE_DIR, PASSWORD, ROOT, empty_database, prepare
from tests.live.many import ago, insert, scalar
from users.counts import UserCount
from users.models import User
from users.views import UserViewSet

USERS = {"postgresql": 10_000_000, "sqlite": 1_000_000}
CLIENTS = 10_000  # one of them has a third of the users
TRIES = 20
DEEP = 10  # times what the first page takes, which a page in the middle may take
SLOW = 500.0  # milliseconds after which a list is measured but once
MOST, MOST_SEARCH = 10.0, 50.0  # milliseconds, 95 of 100 times
INSIDE = "--inside"  # the process whose settings name the database made for this
ORDERINGS = ("id", "name", "email", "created_at", "last_login_at")
COMMON, RARE = "Maria Garcia", "Quincy Zybrowski"


@dataclass(frozen=True)
class Time:
    """What one list took, in milliseconds, and what 95 of 100 may take at most."""

    shape: str
    took: list[float]
    most: float | None = MOST

    @property
    def p95(self) -> float:
        return quantiles(self.took, n=20)[-1]

    @property
    def is_missed(self) -> bool:
        return self.most is not None and self.p95 > self.most


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument("--users", type=int, help=f"how many ({USERS})")
    parser.add_argument(
        "--tries", type=int, default=TRIES, help=f"three times for each list ({TRIES})"
    )
    parser.add_argument("--there", action="store_true", help=f"with {INSIDE}: make no users")
    parser.add_argument(INSIDE, action="store_true", help="in the database of the environment")
    options = parser.parse_args(arguments)
    if options.inside:
        users = 0 if options.there else options.users or USERS[connection.vendor]
        return inside(users, options.tries)
    with tempfile.TemporaryDirectory() as folder, empty_database(Path(folder)) as url:
        environment = prepare(url) | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_URL": url,
            "MAX_PAGE_SIZE": "1000",
            "ACCESS_TOKEN_MINUTES": "60",
        }
        command = [sys.executable, "-m", "tests.bench.scale", *arguments, INSIDE]
        return subprocess.run(command, env=environment, cwd=BASE_DIR, check=False).returncode


def inside(users: int, tries: int) -> int:
    setup_test_environment()
    logging.disable(logging.INFO)  # a line for each request
    started = time.monotonic()
    if users:
        fill(users)
        took = time.monotonic() - started
        say(f"{users:,} users, made on {connection.vendor} in {took:.0f} s.\n")
    users = User.objects.count()
    api = entered()
    times = list(measure(api, users, tries))
    say(report(times))
    is_whole = walk_through_all(entered())
    load, cores = os.getloadavg()[0], os.cpu_count()
    missed = [one.shape for one in times if one.is_missed]
    say(f"\nMissed: {', '.join(missed) or 'none'}. Load of the machine: {load:.1f}, {cores} cores.")
    return 0 if is_whole and not missed else 1


# The users


def fill(users: int) -> None:
    """Make users as they are in life, in the ways that matter to a list.

    Who is inactive, one in twenty, last logged in long ago; who is invited, one in a hundred, never
    did and was made of late. One in ten thousand is an administrator, one in a thousand has a name
    in common.
    """
    insert("clients", "name, active, created_at, updated_at", CLIENTS,
           f"'Client ' || n, n % 50 <> 0, {ago('n')}, {ago('n')}")  # fmt: skip
    first = scalar("SELECT min(id) FROM clients")
    chance = "(n * 2654435761 % 4294967296)"  # its high bits know nothing of n
    other = "(CAST(n AS bigint) * 40503 % 65536 / 64)"
    invited = f"n > {users * 98 // 100} AND n % 2 = 0"
    inactive = f"{other} % 20 = 0 AND NOT ({invited})"
    name = (
        f"CASE WHEN n = {users // 2} THEN '{RARE}' WHEN {chance} / 16 % 1000 = 0 THEN '{COMMON}'"
        f" ELSE {name_of(chance)} END"
    )
    client = f"{first} + CASE WHEN {chance} / 32 % 3 = 0 THEN 0 ELSE {chance} / 128 % {CLIENTS} END"
    login = ago(f"{chance} / 64 % 30000000 + CASE WHEN {inactive} THEN 30000000 ELSE 0 END")
    with bare():
        insert("users", "name, email, password_digest, client_id, active, created_at, updated_at,"
               " last_login_at", users,
               f"{name}, 'user' || n || '@example.com',"
               f" CASE WHEN {invited} THEN '!' ELSE '{DIGEST}' END,"
               f" CASE WHEN n % 10000 <> 0 THEN {client} END, NOT ({inactive}),"
               f" {ago(f'({users} - n) * 3')}, {ago('0')},"
               f" CASE WHEN {other} % 10 <> 1 AND NOT ({invited}) THEN {login} END")  # fmt: skip
    UserCount.objects.recount()
    if connection.vendor == "postgresql":  # as autovacuum does, and nothing on SQLite
        run("VACUUM ANALYZE")


def name_of(chance: str) -> str:
    """Return a name of syllables, in SQL."""

    def syllable(number: int, text: str = "banacohudelafimagonirosatuvewixo") -> str:
        return f"substr('{text}', CAST(1 + 2 * ({chance} / {16**number} % 16) AS integer), 2)"

    large = "BaNaCoHuDeLaFiMaGoNiRoSaTuVeWiXo"
    first = [syllable(7, large), syllable(6), syllable(5)]
    return " || ".join([*first, "' '", syllable(4, large), syllable(3), syllable(2), syllable(1)])


@contextmanager
def bare() -> Iterator[None]:
    """Take indexes, triggers and the foreign key off the users, and put them back."""
    if connection.vendor == "postgresql":
        kept = " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        found = ask(f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'users'{kept}")
        drop = [f"DROP INDEX {name}" for name, _ in found]
        drop += ["ALTER TABLE users DISABLE TRIGGER USER"]
        make = [sql for _, sql in found] + ["ALTER TABLE users ENABLE TRIGGER USER"]
        for name, sql in ask(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'users'::regclass AND contype = 'f'"
        ):
            drop.append(f"ALTER TABLE users DROP CONSTRAINT {name}")
            make.append(f"ALTER TABLE users ADD CONSTRAINT {name} {sql}")
        run("SET maintenance_work_mem = '512MB'")
    else:
        found = ask(
            "SELECT type, name, sql FROM sqlite_master"
            " WHERE tbl_name = 'users' AND type <> 'table' AND sql IS NOT NULL"
        )
        drop = [f"DROP {kind} {name}" for kind, name, _ in found]
        make = [sql for _, _, sql in found]
    for sql in drop:
        run(sql)
    yield
    for sql in make:
        run(sql)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def ask(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


# The lists


def entered() -> APIClient:
    """Return a client in which ROOT has logged in; it calls in this process, middleware and all."""
    api = APIClient()
    tokens = api.post("/auth/login", {"email": ROOT, "password": PASSWORD}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return api


def get(api: APIClient, path: str) -> Any:
    answer = api.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return answer.json()


def measure(api: APIClient, users: int, tries: int) -> Iterator[Time]:
    def timed(shape: str, query: str, most: float | None = MOST) -> Time:
        def turn() -> Time:
            took = []
            for _ in range(tries):
                started = time.perf_counter()
                get(api, f"/users?{query}")
                took.append((time.perf_counter() - started) * 1000)
            return Time(shape, took, most)

        warm_up = time.perf_counter()
        get(api, f"/users?{query}")
        took = (time.perf_counter() - warm_up) * 1000
        if took > SLOW:
            return Time(shape, [took, took], most)
        # The best of the turns: whatever else the machine does can only add.
        turns = 5 if took < 5 * MOST else 1
        return min((turn() for _ in range(turns)), key=lambda one: one.p95)

    orderings = [sign + name for name in ORDERINGS for sign in ("", "-")]
    large, small = (scalar(f"SELECT min(id) + {more} FROM clients") for more in (0, 77))
    yield from (timed(f"ordering={order}", f"ordering={order}") for order in orderings)
    filters = {
        f"client_id= of {CLIENTS:,} clients": f"client_id={small}",
        "client_id= with a third of all users": f"client_id={large}",
        **{query: query for query in (
            "role=administrator", "role=regular", "active=true", "active=false", "status=active",
            "status=inactive", "status=invited", "role=administrator&active=false",
        )},
    }  # fmt: skip
    for shape, query in filters.items():
        yield timed(shape, query)
        worst = max(
            (
                timed(f"{shape}, ordering={order}", f"{query}&ordering={order}")
                for order in orderings
            ),
            key=lambda one: one.p95,
        )
        # Few indexes have both (migrations 0008 and 0012 of users): this is for information.
        yield Time(f"{worst.shape} (the slowest order)", worst.took, None)
    middle = User.objects.exclude(name=COMMON).order_by("pk")[users // 2]
    yield timed("email=", f"email={middle.email}")
    searched = MOST_SEARCH if connection.vendor == "postgresql" else None  # no index on SQLite
    yield timed("search= of a rare word", "search=zybrowski", searched)
    # Of letters that most others have, too: how long this takes depends on the names there are.
    yield timed("search= of a name of common syllables", f"search={middle.name.split()[1]}", None)
    for order in orderings:
        after, _ = beside([middle], UserViewSet.keys((order,)))
        shape = f"cursor= behind some user, ordering={order}"
        yield timed(shape, f"cursor={after}&ordering={order}")
    pages = -(-User.objects.count() // 25)
    first = timed("page=1", "page=1")
    yield first
    most = DEEP * first.p95
    yield timed("page= in the middle", f"page={pages // 2}", most)
    yield timed("page= in the middle, ordering=-id", f"page={pages // 2}&ordering=-id", most)
    yield timed("page= in the middle, active=true", f"page={pages // 2}&active=true", most)
    # For information: other orders have no counts of how many stand before a row.
    yield timed("page= in the middle, ordering=name", f"page={pages // 2}&ordering=name", None)
    yield timed("page= the last", f"page={pages}")


def report(times: Sequence[Time]) -> str:
    """Return a table in Markdown."""
    lines = ["| list | p50 ms | p95 ms | at most |", "|---|---:|---:|---:|"]
    for one in times:
        most = "" if one.most is None else f"{one.most:.0f}{' **missed**' if one.is_missed else ''}"
        lines.append(f"| `{one.shape}` | {median(one.took):.1f} | {one.p95:.1f} | {most} |")
    return "\n".join(lines)


# The walk


def walk_through_all(api: APIClient) -> bool:
    """Walk by cursor while rows come and go; tell whether each untouched row came exactly once."""
    top = scalar("SELECT max(id) FROM users")
    seen, added, took = bytearray(top + 1), list[int](), list[float]()
    with coming_and_going(top) as changes:
        url: str | None = "/users?cursor=&page_size=1000"
        while url:
            started = time.perf_counter()
            page = get(api, url)
            took.append((time.perf_counter() - started) * 1000)
            url = page["next"]
            for row in page["results"]:
                if row["id"] <= top:
                    seen[row["id"]] += 1
                else:
                    added.append(row["id"])
    ids = User.objects.filter(pk__lte=top).values_list("pk", flat=True).iterator(100_000)
    missed = sum(seen[pk] == 0 for pk in ids)
    twice = sum(times > 1 for times in seen) + len(added) - len(set(added))
    tenth = max(1, len(took) // 10)
    say(
        f"\nA walk by cursor through {sum(seen) + len(added):,} users, {len(took):,} pages of 1000:"
        f" p50 {median(took[:tenth]):.1f} ms in the first tenth, {median(took[-tenth:]):.1f} ms in"
        f" the last. Meanwhile {changes.added:,} were added and {changes.removed:,} removed."
        f" Untouched and missed: {missed}; seen twice: {twice}."
    )
    return not missed and not twice and changes.removed > 0


@dataclass
class Changes:
    added: int = 0
    removed: int = 0


@contextmanager
def coming_and_going(top: int) -> Iterator[Changes]:
    """Add and remove users from another connection until the end."""
    changes, is_over, numbers = Changes(), threading.Event(), count(1)
    root = User.objects.get(email=ROOT).pk
    chance = random.Random(1)  # noqa: S311 # no secret

    def change() -> None:
        columns = "name, email, password_digest, active, created_at, updated_at"
        try:
            while not is_over.wait(0.02):
                number = next(numbers)
                new = f"'New', 'new{number}@example.com', '!', true, {ago('0')}, {ago('0')}"
                run(f"INSERT INTO users ({columns}) VALUES ({new})")
                changes.added += 1
                gone = [pk for pk in (chance.randint(1, top) for _ in range(3)) if pk != root]
                with connection.cursor() as cursor:
                    ids = ", ".join(map(str, gone))
                    cursor.execute(f"DELETE FROM users WHERE id IN ({ids})")
                    changes.removed += cursor.rowcount
        finally:
            connection.close()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield changes
    finally:
        is_over.set()
        thread.join()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
