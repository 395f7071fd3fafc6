"""A link for a new password that an administrator sends: who gets one, whoever calls."""

import pytest

from clients.models import Client
from config.api.errors import Conflict
from tests.factories import InvitedFactory, UserFactory
from tests.mails import waiting
from tests.trail import events
from users.admission import Inactive, NoPassword, send_reset, send_resets
from users.models import User


def test_who_is_inactive_gets_none(administrator: User, inactive: User) -> None:
    with pytest.raises(Inactive):
        send_reset(inactive, actor=administrator)

    assert (waiting(), events()) == ([], [])


def test_who_was_invited_gets_none(administrator: User, acme: Client) -> None:
    with pytest.raises(NoPassword):
        send_reset(InvitedFactory(client=acme), actor=administrator)

    assert (waiting(), events()) == ([], [])


def test_users_of_an_inactive_client_get_none(administrator: User, acme: Client) -> None:
    user = UserFactory(client=acme)
    Client.objects.update(active=False)

    with pytest.raises(Conflict):
        send_reset(user, actor=administrator)
    assert send_resets(User.objects.filter(pk=user.pk), actor=administrator) == []

    assert (waiting(), events()) == ([], [])


def test_the_trail_has_who_asked(administrator: User, regular: User) -> None:
    assert send_reset(regular, actor=administrator) == 0

    (row,) = events()
    assert (row["event"], row["actor_id"], row["target_id"]) == (
        "password_reset_requested",
        administrator.pk,
        regular.pk,
    )
    assert row["details"] == {"email": "rita@example.com"}
