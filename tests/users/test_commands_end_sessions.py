"""manage.py end_sessions."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from config.audit.models import AuditEvent
from tests.factories import PASSWORD, UserFactory
from users.management.commands import end_sessions as command
from users.models import Session, User

pytestmark = pytest.mark.django_db


def end(*arguments: str) -> str:
    printed = StringIO()
    call_command("end_sessions", *arguments, stdout=printed)
    return printed.getvalue()


def entered(user: User) -> APIClient:
    api = APIClient()
    tokens = api.post("/auth/login", {"email": user.email, "password": PASSWORD}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return api


def status(api: APIClient) -> int:
    return api.get("/users/current").status_code


def test_ends_those_of_the_users_named_and_no_others(regular: User, stranger: User) -> None:
    phone, laptop, other = entered(regular), entered(regular), entered(stranger)

    printed = end(f" {regular.email.upper()} ")

    assert printed == "Ended sessions: 2.\n"
    assert [status(api) for api in (phone, laptop, other)] == [401, 401, 200]
    assert status(entered(regular)) == 200
    event = AuditEvent.objects.get(event="sessions_ended")
    assert (event.target_id, event.actor_id, event.door) == (regular.pk, None, "command")
    assert len(json.loads(event.details)["sessions"]) == 2


def test_ends_those_of_everybody_batch_by_batch(
    administrator: User, regular: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH", 2)
    now = timezone.now()
    for user in [*UserFactory.create_batch(4), administrator, regular]:
        Session.objects.create(user=user, refreshed_at=now, expires_at=now + timedelta(days=1))

    assert end("--all") == "Ended sessions: 6.\n"
    assert not Session.objects.exists()
    assert AuditEvent.objects.filter(event="sessions_ended").count() == 6
    assert end("--all") == "Ended sessions: 0.\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nobody@example.com"], "There is no user with the email 'nobody@example.com'."),
        (["rita@example.com", "nobody"], "There is no user with the email 'nobody'."),
        ([], "required"),
        (["rita@example.com", "--all"], "not allowed with"),
    ],
)
def test_ends_none_where_it_is_not_told_whose(
    arguments: list[str], reason: str, regular: User
) -> None:
    api = entered(regular)

    with pytest.raises(CommandError, match=reason):
        end(*arguments)

    assert status(api) == 200
