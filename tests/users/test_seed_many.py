"""manage.py seed_users for load tests: the database makes the rows, and its indexes afterwards."""

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from clients.models import Client
from config.audit.events import Event
from config.audit.models import AuditEvent
from tests.factories import UserFactory, as_row
from tests.users.test_seed_users import seed
from users.counts import UserCount
from users.management import seeding
from users.models import User

needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite keeps its indexes"
)


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.management.commands.seed_users.MANY", 10)


def kept() -> list[tuple[str, str]]:
    """Return the indexes and constraints of `users`, and how they are made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'users' UNION ALL"
            " SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'users'::regclass ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_spreads_names_and_clients_in_turn() -> None:
    seed("--users", "12", "--clients", "3")

    made = User.objects.regular().order_by("pk")
    assert [user.email for user in made] == [f"user{n}@demo.example" for n in range(1, 13)]
    assert [user.name for user in made[:2]] == ["Björn Novak", "Chiara Novak"]
    assert made[9].name == "Ada Okafor"
    clients = [user.client.name for user in made.select_related("client") if user.client]
    assert clients[:4] == ["Demo Client 2", "Demo Client 3", "Demo Client 1", "Demo Client 2"]


@pytest.mark.django_db
def test_makes_every_user_where_a_client_has_another_name() -> None:
    seed("--users", "2", "--clients", "2")
    Client.objects.filter(name="Demo Client 1").update(name="Renamed")

    assert seed("--users", "8", "--clients", "1").startswith("Made 1 clients and 6 users.")


@needs_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("present", ["nobody", "some"])
def test_many_leave_indexes_and_keys_as_they_were(few_are_many: None, present: str) -> None:
    if present == "some":
        seed("--users", "7", "--clients", "2")
        User.objects.filter(email="user1@demo.example").update(name="Renamed")
    other = UserFactory()
    before, row = kept(), as_row(other)

    seed("--users", "30", "--clients", "2", "--force")

    assert kept() == before
    assert as_row(other) == row
    assert User.objects.filter(email__endswith="@demo.example").count() == 31
    assert User.objects.filter(name="Renamed").count() == (1 if present == "some" else 0)
    assert UserCount.objects.miscounts() == []
    assert AuditEvent.objects.filter(event=Event.USERS_SEEDED, details__contains="users").exists()


@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_indexes_stay_where_many_fail() -> None:
    before = kept()

    with pytest.raises(ZeroDivisionError), seeding.without_indexes():
        raise ZeroDivisionError

    assert kept() == before
