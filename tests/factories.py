"""Rows for tests."""

from typing import Any, Protocol, TypeVar, cast

import factory
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from clients.models import Client
from users.models import User

PASSWORD = "correct horse battery staple"
DIGEST = make_password(PASSWORD)  # hashed once: hashing is most of what making a user costs

Row = TypeVar("Row")


class Makes(Protocol[Row]):
    """What a factory does, in types that factory-boy does not give."""

    def __call__(self, **fields: Any) -> Row: ...
    def build(self, **fields: Any) -> Row: ...
    def create_batch(self, size: int, **fields: Any) -> list[Row]: ...


class _ClientFactory(DjangoModelFactory):
    class Meta:
        model = Client

    name = factory.Sequence(lambda n: f"Client {n}")


class _UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    name = factory.Sequence(lambda n: f"User {n}")
    email = factory.Sequence(lambda n: f"user{n}@example.com")
    password = DIGEST
    client = factory.SubFactory(_ClientFactory)


class _InvitedFactory(_UserFactory):
    password = factory.LazyFunction(lambda: make_password(None))


class _AdministratorFactory(_UserFactory):
    client = None


ClientFactory = cast(Makes[Client], _ClientFactory)
UserFactory = cast(Makes[User], _UserFactory)  # a regular user; the password of all is `PASSWORD`
InvitedFactory = cast(Makes[User], _InvitedFactory)  # has no password as yet
AdministratorFactory = cast(Makes[User], _AdministratorFactory)


def as_row(user: User) -> dict[str, Any]:
    """Return every column of the row as stored now: to prove that nothing changed."""
    return dict(User.objects.filter(pk=user.pk).values().get())
