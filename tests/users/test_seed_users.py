"""manage.py seed_users."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from clients.models import Client
from tests.factories import UserFactory, as_row
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def seed(*arguments: str) -> str:
    printed = StringIO()
    call_command("seed_users", *arguments, stdout=printed)
    return printed.getvalue()


def test_makes_an_administrator_clients_and_users_and_tells_how_to_log_in(var: Path) -> None:
    printed = seed("--users", "7", "--clients", "2")

    password = (var / "demo_password").read_text()
    assert printed.splitlines() == [
        "Made 2 clients and 8 users.",
        f"Administrator: admin@demo.example  password: {password}",
        f"Regular user: user1@demo.example  password: {password}",
    ]
    assert (var / "demo_password").stat().st_mode & 0o777 == 0o600
    assert Client.objects.count() == 2
    assert {user.email for user in User.objects.administrators()} == {"admin@demo.example"}
    assert User.objects.regular().count() == 7


@pytest.mark.parametrize("email", ["admin@demo.example", "user3@demo.example"])
def test_what_it_prints_logs_in(var: Path, anonymous: APIClient, email: str) -> None:
    seed()
    password = (var / "demo_password").read_text()

    answer = anonymous.post("/auth/login", {"email": email, "password": password})

    assert answer.status_code == 200


def test_repeated_makes_nothing_and_changes_nothing() -> None:
    first = seed().splitlines()
    User.objects.filter(email="user1@demo.example").update(active=False, name="Renamed")
    before = list(User.objects.order_by("pk").values())

    again = seed().splitlines()

    assert again == ["Made 0 clients and 0 users.", *first[1:]]
    assert list(User.objects.order_by("pk").values()) == before


def test_repeated_with_more_makes_the_rest() -> None:
    seed("--users", "5", "--clients", "2")

    assert seed("--users", "9", "--clients", "3").startswith("Made 1 clients and 4 users.")


def test_does_not_tell_a_password_that_was_changed() -> None:
    seed()
    administrator = User.objects.get(email="admin@demo.example")
    administrator.set_password("something else entirely")
    administrator.save()

    assert "admin@demo.example  password: (changed since)" in seed("--if-empty")


def test_refuses_a_database_with_other_users_unless_told() -> None:
    user = UserFactory()
    before = as_row(user)

    with pytest.raises(CommandError, match="--force"):
        seed()
    assert User.objects.count() == 1
    seed("--force")

    assert User.objects.count() == 14
    assert as_row(user) == before


def test_if_empty_leaves_a_database_with_users_alone() -> None:
    UserFactory()

    assert seed("--if-empty") == "The database has users; nothing was made.\n"
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "arguments", [["--users", "x"], ["--users", "-1"], ["--clients", "1.5"], ["--clients", "0"]]
)
def test_refuses_numbers_that_make_no_sense(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        seed(*arguments)

    assert not User.objects.exists()
    assert not Client.objects.exists()


def test_shows_a_bar_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seed("--users", "3")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    seed("--users", "6000")

    assert "100% 6,004/6,004\n" in capsys.readouterr().err


def test_all_share_one_digest() -> None:
    seed("--users", "20")

    assert User.objects.values("password").distinct().count() == 1
