"""How the operators' log-in finds a user."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password

from clients.models import Client
from tests.factories import PASSWORD, UserFactory
from users.auth.backends import EmailBackend
from users.models import User


@pytest.mark.parametrize("typed", ["rita@example.com", "RITA@Example.com", " rita@example.com "])
def test_finds_by_email_and_password(regular: User, typed: str) -> None:
    assert authenticate(username=typed, password=PASSWORD) == regular


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        ("rita@example.com", "wrong"),
        ("rita@example.com", ""),
        ("rita@example.com", None),
        ("rita@example.com", f" {PASSWORD}"),
        ("nobody@example.com", PASSWORD),
        ("ina@example.com", PASSWORD),
        ("", PASSWORD),
        (None, PASSWORD),
        (None, None),
    ],
)
def test_finds_nobody_otherwise(
    regular: User, inactive: User, typed: str | None, password: str | None
) -> None:
    assert authenticate(username=typed, password=password) is None


def test_hashes_no_more_than_1024_characters(acme: Client, costs: list[int]) -> None:
    user = UserFactory(client=acme, password=make_password("x" * 1024))
    costs.clear()

    assert authenticate(username=user.email, password="x" * 1025) is None
    assert costs == []
    assert authenticate(username=user.email, password="x" * 1024) == user


def test_gives_back_active_users_alone(regular: User, inactive: User, stranger: User) -> None:
    backend = EmailBackend()
    Client.objects.filter(users=stranger).update(active=False)

    assert backend.get_user(regular.pk) == regular
    assert backend.get_user(inactive.pk) is None
    assert backend.get_user(stranger.pk) is None
    assert backend.get_user(2**40) is None
