"""Counts that cost no scan, and never drift from the table that they count."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from tests.conftest import Login
from tests.factories import DIGEST, ClientFactory, InvitedFactory, UserFactory
from tests.live.conftest import at_once
from tests.trail import run
from users.counting import RECOUNT, removals, statements
from users.counts import UserBlock, UserCount
from users.managers import ROLES
from users.models import STATUSES, User

Numbers = dict[tuple[int, str], int]
NUMBER = count()
BLOCKS = (-1, 50_000, 50_001, 70_000)  # none of which has ids that the database gives by itself
INVITED = "!none"


def counted() -> Numbers:
    sums = UserCount.objects.values("client_id", "status").annotate(total=Sum("number"))
    return {(row["client_id"], row["status"]): row["total"] for row in sums if row["total"]}


def counted_by_block() -> dict[Any, int]:
    sums = UserBlock.objects.values_list("block", "role", "status").annotate(total=Sum("number"))
    return {tuple(key): total for *key, total in sums if total}


def there_by_block() -> dict[Any, int]:
    return Counter(
        (pk // 65_536, role, status)
        for status in STATUSES
        for role in ROLES
        for pk in User.objects.with_status(status).with_role(role).values_list("pk", flat=True)
    )


def there() -> Numbers:
    """Count by the definitions that the rest of Roster goes by."""
    return {
        (client or 0, status): number
        for status in STATUSES
        for client, number in User.objects.with_status(status)
        .order_by()
        .values_list("client_id")
        .annotate(number=Count("pk"))
    }


def assert_right() -> None:
    assert counted() == there()
    assert counted_by_block() == there_by_block()


class Writer:
    """Writes users in every way that there is, by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 # a test's
        self.clients = [None, *Client.objects.values_list("pk", flat=True)]

    def fields(self) -> dict[str, Any]:
        number = next(NUMBER)
        return {
            "id": self.chance.choice(BLOCKS) * 65_536 + 1000 + number * 10,
            "name": f"N {number}",
            "email": f"n{number}@example.com",
            "client_id": self.chance.choice(self.clients),
            "active": self.chance.random() < 0.7,
            "password": self.chance.choice([DIGEST, INVITED]),
        }

    def some(self) -> list[int]:
        ids = list(User.objects.values_list("pk", flat=True))
        return self.chance.sample(ids, min(len(ids), self.chance.randint(0, 4)))

    def create(self) -> None:
        User.objects.create(**self.fields())

    def bulk_create(self) -> None:
        User.objects.bulk_create(User(**self.fields()) for _ in range(self.chance.randint(1, 9)))

    def create_over(self, **conflicts: Any) -> None:
        users = [User(**self.fields()) for _ in range(3)]
        taken = User.objects.filter(pk__in=self.some()).values_list("email", flat=True)
        users += [User(**{**self.fields(), "email": email}) for email in taken]
        User.objects.bulk_create(users, **conflicts)

    def create_ignoring(self) -> None:
        self.create_over(ignore_conflicts=True)

    def create_updating(self) -> None:
        names = ["client", "active", "password"]
        self.create_over(update_conflicts=True, unique_fields=["email"], update_fields=names)

    def update(self) -> None:
        fields = self.fields()
        names = self.chance.sample(["client_id", "active", "password"], 2)
        User.objects.filter(pk__in=self.some()).update(**{name: fields[name] for name in names})

    def save(self) -> None:
        for user in User.objects.filter(pk__in=self.some()):
            user.active = not user.active
            user.save()

    def rename(self) -> None:
        """Change addresses; on SQLite also to one that is taken, whose owner is replaced."""
        ids = self.some()
        for pk in ids:
            User.objects.filter(pk=pk).update(email=f"n{next(NUMBER)}@example.com")
        if ids:
            User.objects.filter(pk=ids.pop()).update(id=self.fields()["id"])
        if connection.vendor == "sqlite" and len(ids) > 1:
            taken = User.objects.get(pk=ids[0]).email
            run("UPDATE OR REPLACE users SET email = %s WHERE id = %s", taken, ids[1])

    def delete(self) -> None:
        User.objects.filter(pk__in=self.some()).delete()

    def insert(self) -> None:
        columns = "id, name, email, client_id, active, password_digest, created_at, updated_at"
        verb = "INSERT"
        fields = self.fields()
        if self.chance.random() < 0.5:
            columns = columns.removeprefix("id, ")
            del fields["id"]
        marks = ", ".join(["%s"] * len(fields))
        if connection.vendor == "sqlite":
            verb = self.chance.choice(["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"])
            if verb != "INSERT" and (old := User.objects.filter(pk__in=self.some()).first()):
                fields["email"] = old.email
        run(
            f"{verb} INTO users ({columns}) VALUES"
            f" ({marks}, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
            *fields.values(),
        )

    def sql(self) -> None:
        run(
            "UPDATE users SET active = NOT active, name = name WHERE id %% 3 = %s", next(NUMBER) % 3
        )
        run("UPDATE users SET client_id = NULL WHERE id %% 7 = %s", 1)
        run("DELETE FROM users WHERE id %% 11 = %s", next(NUMBER) % 11)

    def roll_back(self) -> None:
        try:
            with transaction.atomic():
                self.step()
                raise LookupError
        except LookupError:
            pass

    def nest(self) -> None:
        with transaction.atomic():
            self.step()
            self.roll_back()
            self.step()

    def fold(self) -> None:
        UserCount.objects.fold()

    def step(self) -> None:
        ways: list[Callable[[], None]] = [
            *(self.create, self.bulk_create, self.create_ignoring, self.create_updating),
            *(self.update, self.save, self.rename, self.delete, self.insert, self.sql),
            *(self.roll_back, self.nest, self.fold),
        ]
        self.chance.choice(ways)()


@pytest.mark.parametrize("seed", range(6))
def test_never_drifts_whoever_writes_in_whatever_way(db: None, seed: int) -> None:
    ClientFactory(), ClientFactory(), ClientFactory()
    writer = Writer(seed)

    for _ in range(40):
        writer.step()

        assert_right()


def insert(verb: str, email: str, pk: int | None = None) -> None:
    columns = "id, name, email, active, password_digest, created_at, updated_at"
    values = "%s, 'N', %s, true, '!', '2026-01-01 00:00:00', '2026-01-01 00:00:00'"
    if pk is None:
        columns, values = columns.removeprefix("id, "), values.removeprefix("%s, ")
    run(f"{verb} INTO users ({columns}) VALUES ({values})", *([] if pk is None else [pk]), email)


@pytest.mark.parametrize("pk", [-1, 0, -7])
def test_never_drifts_whatever_ids_users_have(db: None, pk: int) -> None:
    is_sqlite = connection.vendor == "sqlite"
    replace = "INSERT OR REPLACE" if is_sqlite else "INSERT"
    steps = [
        ("INSERT", "a@example.com", pk),
        ("INSERT", "b@example.com", None),
        (replace, "c@example.com", None),
        (replace, "d@example.com", pk if is_sqlite else pk - 100),
        (replace, "b@example.com" if is_sqlite else "e@example.com", None),
        (replace, "d@example.com" if is_sqlite else "f@example.com", None),
    ]

    for verb, email, number in steps:
        insert(verb, email, number)

        assert_right()
    UserFactory(pk=pk - 1)
    User.objects.filter(pk__lt=1).update(active=False)
    assert_right()
    User.objects.filter(pk__lt=1).delete()
    assert_right()


@pytest.mark.django_db(transaction=True)
def test_never_drifts_where_many_write_and_fold_at_once() -> None:
    clients = [ClientFactory().pk for _ in range(3)]
    users = [UserFactory(client_id=clients[0]).pk for _ in range(30)]

    def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 # a test's
        for number in range(15):
            with transaction.atomic():
                mine = User.objects.filter(pk__in=users[seed::4]).order_by("pk")
                mine.update(client_id=chance.choice([None, *clients]), active=number % 2)
                UserFactory(client_id=chance.choice(clients), email=f"{seed}-{number}@example.com")
            UserCount.objects.fold()

    def write_and_close(seed: int) -> None:
        try:
            write(seed)
        finally:
            connection.close()

    if connection.vendor == "sqlite":  # has one writer, and in memory one connection
        for seed in range(4):
            write(seed)
    else:
        at_once(*(partial(write_and_close, seed) for seed in range(4)))

    assert_right()
    assert UserCount.objects.total() == 90


@pytest.mark.django_db(transaction=True)
def test_counts_nobody_in_an_emptied_table() -> None:
    UserFactory.create_batch(3)

    call_command("flush", interactive=False, verbosity=0)

    assert counted() == counted_by_block() == {}
    assert UserCount.objects.total() == 0


def test_says_how_many_by_client_and_status(db: None, administrator: User, regular: User) -> None:
    UserFactory.create_batch(2, client=regular.client, active=False)
    InvitedFactory(client=None)
    small = UserFactory().client_id
    assert regular.client_id
    assert small
    counts = UserCount.objects

    assert counts.total() == 6
    assert counts.by_role_and_status() == {
        (True, "active"): 1, (True, "invited"): 1, (True, "inactive"): 0,
        (False, "active"): 2, (False, "invited"): 0, (False, "inactive"): 2,
    }  # fmt: skip
    assert counts.regular().active().total() == 2
    assert counts.of_client(regular.client_id).with_status("inactive").total() == 2
    assert counts.of_client(0).total() == 0
    assert counts.largest_clients(9) == {regular.client_id: 3, small: 1}
    assert list(counts.largest_clients(1)) == [regular.client_id]


def test_a_log_in_writes_no_count(regular: User, login: Login) -> None:
    UserCount.objects.fold()
    before = all_rows()

    login(regular)
    regular.save()

    assert all_rows() == before


def all_rows() -> list[Any]:
    return [list(table.objects.order_by("pk").values()) for table in (UserCount, UserBlock)]


def test_folding_leaves_a_row_for_each_key(administrator: User, acme: Client) -> None:
    UserFactory.create_batch(5, client=acme)
    User.objects.filter(client=acme).update(active=False)

    call_command("purge_sessions", stdout=StringIO())

    assert_right()
    assert counted() == {(0, "active"): 1, (acme.pk, "inactive"): 5}
    assert UserCount.objects.exclude(number=0).count() == 2
    assert UserBlock.objects.exclude(number=0).count() == 2
    assert not UserCount.objects.filter(folded=False).exists()
    assert not UserBlock.objects.filter(folded=False).exists()


def test_folding_nothing_writes_nothing(administrator: User) -> None:
    UserCount.objects.fold()
    before = all_rows()

    with CaptureQueriesContext(connection) as seen:
        UserCount.objects.fold()

    assert all_rows() == before
    assert len(seen) <= 2


def test_a_missing_trigger_is_told_and_can_be_mended(administrator: User) -> None:
    databases = ["default"]
    assert run_checks(tags=[Tags.database], databases=databases) == []
    for statement in removals(connection.vendor):
        run(statement)
    UserFactory()

    faults = run_checks(tags=[Tags.database], databases=databases)

    assert {fault.id for fault in faults} == {"users.E001"}
    assert counted() != there()
    for statement in (*statements(connection.vendor), *RECOUNT):
        run(statement)
    assert run_checks(tags=[Tags.database], databases=databases) == []
    assert_right()


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
def test_a_database_has_the_triggers_of_today(vendor: str) -> None:
    """Who changes them writes a migration that makes them anew, and names it here."""
    made = import_module("users.migrations.0013_user_blocks")

    assert made.STATEMENTS[vendor] == tuple(statements(vendor))
    assert made.REMOVALS[vendor] == tuple(removals(vendor))
    before = import_module("users.migrations.0005_user_counts")
    assert before.RECOUNT + made.RECOUNT == RECOUNT


def recount() -> str:
    out = StringIO()
    call_command("recount_users", stdout=out)
    return out.getvalue()


def test_recounts(administrator: User, regular: User) -> None:
    UserCount.objects.all().delete()

    assert recount() == (
        "Counts corrected: administrators, active: 0 instead of 1;"
        f" client {regular.client_id}, active: 0 instead of 1.\n"
    )

    assert_right()
    assert recount() == "Counts were right.\n"
    assert_right()


def test_tells_of_a_few_miscounts_only(db: None) -> None:
    for status in STATUSES:
        for number in range(5):
            UserCount.objects.create(client_id=number, status=status, number=1, folded=True)

    assert recount().endswith("instead of 0; and 5 more.\n")
    assert counted() == {}


def test_counts_of_a_dump_are_told_and_can_be_mended(administrator: User, inactive: User) -> None:
    UserCount.objects.bulk_create(  # as `pg_restore --data-only` does, beside the triggers
        UserCount(client_id=row.client_id, status=row.status, number=row.number, folded=True)
        for row in UserCount.objects.all()
    )

    (fault,) = run_checks(tags=[Tags.database], databases=["default"])

    assert fault.id == "users.W002"
    assert "administrators, active: 2 instead of 1; client" in fault.msg
    assert "recount_users" in str(fault.hint)
    assert recount().startswith("Counts corrected: ")
    assert run_checks(tags=[Tags.database], databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("labels", [(), ("users", "clients"), ("users.User", "users.UserCount")])
def test_a_dump_that_is_loaded_counts_nobody_twice(labels: tuple[str, ...], tmp_path: Path) -> None:
    UserFactory.create_batch(3, client=None)
    file = tmp_path / "dump.json"
    call_command("dumpdata", *labels, exclude=["contenttypes"], output=str(file), verbosity=0)
    call_command("flush", interactive=False, verbosity=0)

    call_command("loaddata", str(file), verbosity=0)

    assert_right()
    assert counted() == {(0, "active"): 3}
