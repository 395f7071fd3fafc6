"""manage.py purge_sessions."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from tests.factories import UserFactory
from tests.users.test_queries import purposes
from users.lifecycle import purge_sessions
from users.management.commands.purge_sessions import BATCH
from users.models import Session, User

pytestmark = pytest.mark.django_db
COUNTS = ["SELECT user_counts", "SELECT user_blocks"]  # what is to be folded


def purge() -> str:
    printed = StringIO()
    call_command("purge_sessions", stdout=printed)
    return printed.getvalue()


def make(count: int, user: User, *, expires_in: timedelta) -> list[Session]:
    """Make sessions that expire so long from now."""
    end = timezone.now() + expires_in
    session = {"user": user, "refreshed_at": end - timedelta(days=14), "expires_at": end}
    return Session.objects.bulk_create(Session(**session) for _ in range(count))


def test_deletes_what_is_over_and_nothing_that_lives(as_regular: APIClient, regular: User) -> None:
    make(3, regular, expires_in=timedelta(seconds=-1))
    live = make(2, regular, expires_in=timedelta(minutes=1))
    before = list(Session.objects.live().order_by("pk").values())

    assert purge() == "Expired sessions purged: 3.\n"

    assert list(Session.objects.order_by("pk").values()) == before
    assert len(before) == len(live) + 1
    assert as_regular.get("/users/current").status_code == 200


def test_repeated_has_nothing_to_do() -> None:
    make(1, UserFactory(), expires_in=timedelta(seconds=-1))

    assert [purge() for _ in range(2)] == [
        "Expired sessions purged: 1.\n",
        "Expired sessions purged: 0.\n",
    ]


@pytest.mark.parametrize(("instant", "left"), [(-1, 1), (0, 0), (1, 0)])
def test_agrees_with_the_tokens_on_the_last_instant(instant: int, left: int) -> None:
    (session,) = make(1, UserFactory(), expires_in=timedelta(hours=1))

    with time_machine.travel(session.expires_at + timedelta(microseconds=instant), tick=False):
        assert Session.objects.live().count() == left
        purge()

    assert Session.objects.filter(pk=session.pk).count() == left


def test_deletes_in_batches_each_a_transaction_of_its_own() -> None:
    make(2 * BATCH + 1, UserFactory(), expires_in=timedelta(seconds=-1))

    with CaptureQueriesContext(connection) as seen:
        printed = purge()

    assert printed == f"Expired sessions purged: {2 * BATCH + 1}.\n"
    hold = "LOCK" if connection.features.has_select_for_update else "SELECT"
    batches = [f"{hold} sessions", "DELETE sessions"] * 3
    assert purposes(seen.captured_queries) == [
        *batches,
        "SELECT throttling_counters",
        "SELECT mails",
        *(COUNTS if connection.vendor == "postgresql" else []),
        "SELECT imports",
    ]
    # In a test each transaction is a savepoint.
    assert sum("RELEASE SAVEPOINT" in query["sql"] for query in seen.captured_queries) == 3


def test_keeps_what_is_done_when_it_is_stopped() -> None:
    make(BATCH + 1, UserFactory(), expires_in=timedelta(seconds=-1))
    deletions: list[str] = []

    def stop(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE"):
            deletions.append(sql)
            if len(deletions) == 2:
                raise OperationalError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(stop), pytest.raises(OperationalError):
        purge()

    assert Session.objects.count() == 1
    assert purge() == "Expired sessions purged: 1.\n"


def test_spares_a_session_that_was_renewed_in_between() -> None:
    renewed, over = make(2, UserFactory(), expires_in=timedelta(seconds=-1))

    def renew(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE"):
            later = timezone.now() + timedelta(days=1)
            Session.objects.filter(pk=renewed.pk).update(expires_at=later)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(renew):
        assert purge() == "Expired sessions purged: 1.\n"

    assert list(Session.objects.values_list("pk", flat=True)) == [renewed.pk]
    assert over.pk != renewed.pk


def test_oldest_go_first() -> None:
    user = UserFactory()
    make(1, user, expires_in=timedelta(minutes=-1))
    (oldest,) = make(1, user, expires_in=timedelta(days=-1))

    assert purge_sessions(limit=1) == 1

    assert not Session.objects.filter(pk=oldest.pk).exists()
    assert Session.objects.count() == 1
