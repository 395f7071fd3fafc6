"""Users made by code, and what the database itself refuses."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clients.models import Client
from tests.conftest import Login
from tests.factories import PASSWORD, UserFactory, as_row
from users.models import Session, User

NEW: dict[str, Any] = {
    "name": "Nina New",
    "email": "nina@example.com",
    "password": "a quite unusual sentence",
}


def faults(**fields: Any) -> dict[str, list[str]]:
    """Return the codes by field with which `create_user` refuses."""
    before = User.objects.count()
    with pytest.raises(ValidationError) as caught:
        User.objects.create_user(**{**NEW, "client": None, **fields})
    assert User.objects.count() == before
    found = caught.value.error_dict
    return {name: [str(error.code) for error in errors] for name, errors in found.items()}


def test_a_new_database_has_no_accounts(db: None) -> None:
    assert not User.objects.exists()


def test_creates_a_regular_user(acme: Client) -> None:
    user = User.objects.create_user(**{**NEW, "email": " NINA@Example.com ", "client": acme})

    row = as_row(user)
    assert (row["name"], row["email"], row["client_id"]) == (
        "Nina New",
        "nina@example.com",
        acme.pk,
    )
    assert (row["active"], row["last_login_at"]) == (True, None)
    assert row["password"].startswith("argon2$argon2id$")
    assert user.check_password(NEW["password"])
    assert not user.is_staff
    assert not user.has_perm("users.view_user")


def test_creates_an_administrator(db: None) -> None:
    user = User.objects.create_superuser(**NEW)

    assert user.client is None
    assert user.is_staff
    assert user.has_perm("users.view_user")
    assert user.has_module_perms("users")


@pytest.mark.parametrize("client", [True, False])
def test_superuser_has_no_client_whatever_is_asked(acme: Client, client: bool) -> None:
    fields = {"client": acme} if client else {"client": None}
    assert User.objects.create_superuser(**NEW, **fields).client_id is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, {"name": ["blank"]}),
        ({"name": "\u200b"}, {"name": ["blank"]}),
        ({"name": "x" * 256}, {"name": ["max_length"]}),
        ({"name": "Ada\x00"}, {"name": ["invalid"]}),
        ({"email": ""}, {"email": ["blank"]}),
        ({"email": "nonsense"}, {"email": ["invalid"]}),
        ({"email": "x" * 255}, {"email": ["max_length"]}),
        ({"client_id": 2**40}, {"client": ["invalid"]}),
        ({"password": None}, {"password": ["password_too_short"]}),
        ({"password": ""}, {"password": ["password_too_short"]}),
        ({"password": "short \u00fc"}, {"password": ["password_too_short"]}),
        ({"password": "Nina New Nina"}, {"password": ["password_too_similar"]}),
        ({"password": "x" * 2000}, {"password": ["max_length"]}),
    ],
)
def test_refuses_what_the_api_refuses(
    db: None, fields: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    assert faults(**fields) == expected


def test_refuses_an_email_that_is_taken(regular: User) -> None:
    assert faults(email="RITA@example.com") == {"email": ["unique"]}


def test_tells_all_faults_at_once(regular: User) -> None:
    assert faults(name="", email=regular.email, password="short \u00fc") == {
        "name": ["blank"],
        "email": ["unique"],
        "password": ["password_too_short"],
    }


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "role", "username"])
def test_knows_no_other_field(db: None, field: str) -> None:
    with pytest.raises((TypeError, AttributeError)):
        User.objects.create_user(**{**NEW, field: True})
    assert not User.objects.exists()


@pytest.mark.parametrize("typed", ["rita@example.com", "RITA@Example.com", " rita@example.com"])
def test_is_found_by_email_in_any_spelling(regular: User, typed: str) -> None:
    assert User.objects.get_by_natural_key(typed) == regular
    assert User.normalize_username(typed) == regular.email


@pytest.mark.parametrize("typed", ["", None, "nobody@example.com", "rita"])
def test_nobody_is_found_otherwise(regular: User, typed: str | None) -> None:
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(typed)


INSERT_USER = (
    "INSERT INTO users (name, email, password_digest, active, created_at, updated_at)"
    " VALUES (%s, %s, 'x', %s, %s, %s)"
)
INSERT_CLIENT = "INSERT INTO clients (name, active, created_at, updated_at) VALUES (%s, %s, %s, %s)"


def insert(statement: str, *values: str | None) -> None:
    now = timezone.now()
    execute(statement, *values, True, now, now)


def execute(statement: str, *values: Any) -> None:
    """Run SQL as anything but this code would, checks that wait for a commit included."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        connection.check_constraints()


def test_database_takes_what_is_right(db: None) -> None:
    insert(INSERT_USER, "Nina", "nina@example.com")
    insert(INSERT_CLIENT, "Acme")
    assert User.objects.get().name == "Nina"
    assert Client.objects.get().name == "Acme"


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("Nina", "rita@example.com"),
        ("Nina", "Nina@example.com"),
        ("Nina", "nina@EXAMPLE.com"),
        ("Nina", ""),
        ("", "nina@example.com"),
        (None, "nina@example.com"),
        ("Nina", None),
    ],
)
def test_database_refuses_wrong_users(regular: User, name: str | None, email: str | None) -> None:
    with pytest.raises(IntegrityError):
        insert(INSERT_USER, name, email)
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["Acme", "ACME", "acme", "", None])
def test_database_refuses_wrong_clients(acme: Client, name: str | None) -> None:
    with pytest.raises(IntegrityError):
        insert(INSERT_CLIENT, name)
    assert Client.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        *("email = 'RITA@example.com'", "email = 'stan@example.com'", "email = ''", "name = ''"),
        *("password_digest = NULL", "active = NULL", "client_id = 0"),
    ],
)
def test_database_refuses_wrong_changes(regular: User, stranger: User, change: str) -> None:
    before = as_row(regular)

    with pytest.raises(IntegrityError):
        execute(f"UPDATE users SET {change} WHERE id = %s", regular.pk)  # noqa: S608 # the cases above

    assert as_row(regular) == before


def test_client_with_users_cannot_be_deleted(regular: User, acme: Client) -> None:
    with pytest.raises(IntegrityError):
        acme.delete()
    with pytest.raises(IntegrityError):
        execute("DELETE FROM clients WHERE id = %s", acme.pk)
    assert Client.objects.filter(pk=acme.pk).exists()


def test_session_expires_after_it_began(regular: User) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.create(user=regular, refreshed_at=now, expires_at=now)
    assert not Session.objects.exists()


COLUMNS = {
    "users": {
        *("id", "name", "email", "password_digest", "client_id", "active"),
        *("created_at", "updated_at", "last_login_at"),
    },
    "clients": {"id", "name", "active", "created_at", "updated_at"},
    "sessions": {
        *("id", "user_id", "created_at", "refreshed_at", "expires_at"),
        *("refresh_id", "spent_id", "wrote_at", "user_agent", "address"),
    },
}


@pytest.mark.parametrize("table", COLUMNS)
def test_tables_have_these_columns_and_no_others(db: None, table: str) -> None:
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    assert {column.name for column in described} == COLUMNS[table]


def test_database_has_no_tables_of_permissions(db: None) -> None:
    tables = set(connection.introspection.table_names())

    assert tables >= {"users", "clients", "sessions"}
    assert not {table for table in tables if table.startswith("auth_") or "permission" in table}
    assert "django_session" not in tables


def test_login_moves_last_login_alone(regular: User, login: Login) -> None:
    before = as_row(regular)
    assert before["last_login_at"] is None

    login(regular)

    after = as_row(regular)
    assert after["last_login_at"] is not None
    assert {**after, "last_login_at": None} == before
    assert after["updated_at"] == before["updated_at"]


def test_names_of_rows(regular: User, login: Login) -> None:
    login(regular)
    assert str(regular) == "rita@example.com"
    assert str(regular.client) == "Acme"
    session = Session.objects.get()
    assert str(session) == f"Session {session.pk}"


def test_password_of_the_factories_opens(regular: User) -> None:
    assert regular.check_password(PASSWORD)
    assert UserFactory().check_password(PASSWORD)


def test_makes_no_administrator_by_omission(db: None) -> None:
    with pytest.raises(TypeError, match="client is missing"):
        User.objects.create_user("nina@example.com", PASSWORD, name="Nina New")

    assert not User.objects.exists()
