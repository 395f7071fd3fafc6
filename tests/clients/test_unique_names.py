"""The database itself keeps client names unique in any case, whoever writes to it."""

import hashlib
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from clients.letters import CAPITALS, PAIRS, SMALL
from clients.models import Client
from tests.factories import ClientFactory

NOW = "2030-01-01 00:00:00+00:00"
SAME = [
    ("Acme", "aCME"),
    ("École", "éCOLE"),
    ("ΑΘΗΝΑ", "αθηνα"),
    ("Жук", "жУК"),
    ("Đà Nẵng", "đÀ nẴNG"),
    ("\U00010400", "\U00010428"),
]
INSERT = "INTO clients (name, active, created_at, updated_at) VALUES (%s, %s, %s, %s)"


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def insert(name: str, verb: str = "INSERT") -> None:
    run(f"{verb} {INSERT}", name, True, NOW, NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_second_spelling_is_refused_to_sql(one: str, other: str) -> None:
    insert(one)

    with pytest.raises(IntegrityError):
        insert(other)

    assert [client.name for client in Client.objects.all()] == [one]


@pytest.mark.django_db
@pytest.mark.parametrize(("one", "other"), SAME)
def test_renaming_to_a_second_spelling_is_refused_to_sql(one: str, other: str) -> None:
    insert(one)
    insert("Another")

    with pytest.raises(IntegrityError):
        run("UPDATE clients SET name = %s WHERE name = %s", other, "Another")

    assert {client.name for client in Client.objects.all()} == {one, "Another"}


@pytest.mark.django_db
def test_every_pair_of_letters_is_one_letter() -> None:
    Client.objects.bulk_create(Client(name=capital) for capital, _ in PAIRS)

    taken = [small for _, small in PAIRS if is_refused(small)]

    assert taken == [small for _, small in PAIRS]


def is_refused(name: str) -> bool:
    try:
        insert(name)
    except IntegrityError:
        return True
    return False


@pytest.mark.django_db
def test_a_name_may_change_its_own_case_and_comes_free_when_left() -> None:
    client = ClientFactory(name="École")

    run("UPDATE clients SET name = %s WHERE id = %s", "ÉCOLE", client.pk)
    run("UPDATE clients SET name = %s WHERE id = %s", "Lycée", client.pk)
    insert("école")
    run("DELETE FROM clients WHERE id = %s", client.pk)
    insert("LYCÉE")

    assert {client.name for client in Client.objects.all()} == {"école", "LYCÉE"}


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["INSERT OR IGNORE", "INSERT OR REPLACE"])
def test_no_way_of_settling_conflicts_lets_a_second_spelling_in(verb: str) -> None:
    verb = verb if connection.vendor == "sqlite" else "INSERT"
    insert("École")

    with pytest.raises(IntegrityError):
        insert("éCOLE", verb)

    assert [client.name for client in Client.objects.all()] == ["École"]


@pytest.mark.django_db
def test_spellings_that_differ_in_more_than_case_are_two_names() -> None:
    for name in ("Ecole", "École", "E\u0301cole"):
        insert(name)

    assert Client.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_migration_names_the_clients_that_clash_and_changes_nothing() -> None:
    before, after = [("clients", "0001_initial")], [("clients", "0002_name_in_any_case")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate(before)
    restore = drop_lower_index()
    try:
        insert("École")
        insert("éCOLE")
        pks = list(Client.objects.order_by("pk").values_list("pk", flat=True))

        with pytest.raises(IntegrityError, match=f"{pks[0]} 'École', {pks[1]} 'éCOLE'"):
            MigrationExecutor(connection).migrate(after)

        assert [client.name for client in Client.objects.order_by("pk")] == ["École", "éCOLE"]
    finally:
        run("DELETE FROM clients")
        run(restore)
        MigrationExecutor(connection).migrate(latest)


def drop_lower_index() -> str:
    """Make the database as one whose locale knows ASCII alone; return what undoes it."""
    if connection.vendor == "sqlite":
        return "SELECT 1"
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'clients_name_unique'")
        definition = str(cursor.fetchall()[0][0])
    run("DROP INDEX clients_name_unique")
    return definition


def test_the_letters_are_those_that_databases_hold_keys_of() -> None:
    digest = hashlib.sha256((CAPITALS + SMALL).encode()).hexdigest()

    assert digest == "7a5b6f99efbf934e3a5e6e17f94b50f2ec0b48389497f6eb44450b95ec512f91"


@pytest.mark.django_db(transaction=True)
def test_emptying_the_tables_keeps_the_letters() -> None:
    call_command("flush", interactive=False, verbosity=0)
    insert("École")

    with pytest.raises(IntegrityError):
        insert("éCOLE")
