"""The caller and one user, read by compiled queries: the same rows as the ORM's."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import AdministratorFactory, ClientFactory, UserFactory
from users.models import Session, User
from users.rows import live_session, visible_user

pytestmark = pytest.mark.django_db


def session_of(user: User, **fields: Any) -> Session:
    now = timezone.now()
    fields = {"refreshed_at": now, "expires_at": now + timedelta(days=1), **fields}
    return Session.objects.create(user=user, **fields)


def as_read(user: User) -> dict[str, Any]:
    """Return what is loaded of a user, and of their client."""
    shown = {name: value for name, value in vars(user).items() if not name.startswith("_")}
    client = user.client and (user.client.pk, user.client.name, user.client.active)
    return {**shown, "client": client}


def as_stored(pk: int) -> dict[str, Any]:
    stored = as_read(User.objects.select_related("client").get(pk=pk))
    return {name: stored[name] for name in stored if name not in ("password", "last_login_at")}


@pytest.fixture
def cast() -> list[User]:
    client, closed = ClientFactory(), ClientFactory(active=False)
    users = [AdministratorFactory(), AdministratorFactory(active=False)]
    users += [UserFactory(client=client), UserFactory(client=client), UserFactory(client=closed)]
    return users


def test_session_comes_with_all_that_its_user_is(
    cast: list[User], django_assert_num_queries: Any
) -> None:
    for user in cast:
        session = session_of(user)
        with django_assert_num_queries(1):
            found = live_session(session.pk, user_id=user.pk)
            assert found is not None
            seen = as_read(found.user)

        assert found == session
        assert seen == as_stored(user.pk)
        assert found.user.is_active == user.is_active


def test_digest_is_not_read(cast: list[User]) -> None:
    found = live_session(session_of(cast[0]).pk, user_id=cast[0].pk)

    assert found is not None
    assert found.user.get_deferred_fields() == {"password", "last_login_at"}


@pytest.mark.parametrize("seconds", [-1, 0])
def test_expired_session_is_none(cast: list[User], time_machine: Any, seconds: int) -> None:
    session = session_of(cast[0])
    time_machine.move_to(session.expires_at - timedelta(seconds=seconds), tick=False)

    assert live_session(session.pk, user_id=cast[0].pk) is None


def test_session_of_another_user_is_none(cast: list[User]) -> None:
    assert live_session(session_of(cast[0]).pk, user_id=cast[2].pk) is None


def test_visible_user_is_whom_the_policy_lets_see(cast: list[User]) -> None:
    for actor, user in product(cast, cast):
        expected = User.objects.visible_to(actor).filter(pk=user.pk).first()

        assert visible_user(user.pk, actor=actor) == expected, (actor, user)


def test_visible_user_comes_as_stored(cast: list[User]) -> None:
    for user in cast:
        found = visible_user(user.pk, actor=cast[0])
        assert found is not None
        assert as_read(found) == as_stored(user.pk)
