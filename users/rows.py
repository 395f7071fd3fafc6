"""What nearly every request reads, by queries compiled once: the caller, a user, a first page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS
from django.db.models import BigAutoField, DateTimeField
from django.utils import timezone

from clients.models import Client
from config.compiled import CompiledQuery, Parameter
from users.managers import UserQuerySet
from users.models import Session, User

# In the model's order, as `from_db` wants them. Neither the digest nor the last login: whoever asks
# a row for these pays for a query of its own.
_USER = ("id", "name", "email", "client_id", "active", "created_at", "updated_at")
_CLIENT = ("id", "name", "active")
_OF_CLIENT = ("client__name", "client__active")
_SESSION = ("id", "user_id", "wrote_at")

_live_session = CompiledQuery(
    lambda: (
        Session.objects.live(Parameter("now", DateTimeField()))
        .filter(pk=Parameter("pk", BigAutoField()), user_id=Parameter("user_id", BigAutoField()))
        .order_by()
        .values_list("wrote_at", *(f"user__{name}" for name in (*_USER, *_OF_CLIENT)))
    )
)
_visible_to_administrators = CompiledQuery(
    lambda: (
        User.objects.visible_to(User(active=True, client=None))
        .filter(pk=Parameter("pk", BigAutoField()))
        .order_by()
        .values_list(*_USER, *_OF_CLIENT)
    )
)


def live_session(pk: int, *, user_id: int) -> Session | None:
    """Return a user's session that has not expired, with the user and their client."""
    for wrote_at, *row in _live_session(pk=pk, user_id=user_id, now=timezone.now()):
        session = Session.from_db(DEFAULT_DB_ALIAS, _SESSION, (pk, user_id, wrote_at))
        session.user = _user_of(row)
        return session
    return None


def visible_user(pk: int, *, actor: User) -> User | None:
    """Return the user that `visible_to` lets the actor see by this id, with their client."""
    if actor.is_administrator and actor.is_active:
        return next(map(_user_of, _visible_to_administrators(pk=pk)), None)
    visible: UserQuerySet = User.objects.visible_to(actor)
    return visible.select_related("client").filter(pk=pk).first()


class ListedUser:
    """What a list shows of a user; an instance of the model costs more than all else of a row."""

    COLUMNS = ("id", "name", "email", "client_id", "client__name")

    def __init__(self, row: tuple[Any, ...], include: tuple[str, ...]) -> None:
        self.pk, self.name, self.email, client_id, client_name, *others = row
        self.client = client_id and ListedClient(client_id, client_name)
        for name, value in zip(include, others, strict=True):
            setattr(self, name, value)


class ListedClient(NamedTuple):
    pk: int
    name: str


def _user_of(row: Sequence[Any]) -> User:
    *own, client_name, client_active = row
    user = User.from_db(DEFAULT_DB_ALIAS, _USER, own)
    if user.client_id is None:
        user.client = None
    else:
        client = (user.client_id, client_name, client_active)
        user.client = Client.from_db(DEFAULT_DB_ALIAS, _CLIENT, client)
    return user
