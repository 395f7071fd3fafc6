"""What those who watch are told of the database, and that it is cheap to say."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from users import figures
from users.figures import about, estimate, oldest_mail
from users.models import Import, Mail, Session, User


def put(**fields: Any) -> Mail:
    return Mail.objects.create(**{"kind": "password_reset", "recipient": "a@example.com", **fields})


def test_counts_only_log_ins_that_can_be_used(regular: User) -> None:
    now = timezone.now()
    for days in (-1, 1, 2):
        Session.objects.create(
            user=regular,
            refreshed_at=now - timedelta(days=9),
            expires_at=now + timedelta(days=days),
        )

    assert figures.figures().sessions == 2


def test_tells_mails_and_imports_that_wait_from_others(administrator: User) -> None:
    for state in ("waiting", "waiting", "failed", "sent", "obsolete"):
        put(state=state)
    for state in ("waiting", "confirmed", "rehearsed", "writing", "done"):
        Import.objects.create(user=administrator, filename="a.csv", state=state)

    found = figures.figures()

    assert (found.mails_waiting, found.mails_failed, found.imports_waiting) == (2, 1, 2)


def test_a_mail_is_as_old_as_it_is_although_it_is_made_due_later(db: None) -> None:
    now = timezone.now()
    put(created_at=now - timedelta(hours=3), due_at=now + timedelta(minutes=9), attempts=20)
    put(created_at=now - timedelta(hours=9), state="sent")

    assert timedelta(hours=3) <= oldest_mail() < timedelta(hours=3, minutes=1)


def test_no_waiting_mail_is_no_age(db: None) -> None:
    assert oldest_mail() == timedelta()


def test_a_clock_that_went_back_makes_no_negative_age(db: None) -> None:
    put(created_at=timezone.now() + timedelta(hours=1))

    assert oldest_mail() == timedelta()


def test_is_exact_up_to_a_bound_and_never_less_than_it_beyond(
    regular: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = timezone.now() + timedelta(days=1)
    Session.objects.bulk_create(
        Session(user=regular, refreshed_at=timezone.now(), expires_at=expires) for _ in range(20)
    )
    for exact in (20, 19):
        monkeypatch.setattr(figures, "EXACT", exact)
        assert about(Session.objects.live()) >= 20


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite counts")
def test_the_estimate_is_near_what_is_there(regular: User) -> None:
    now = timezone.now()
    Session.objects.bulk_create(
        Session(user=regular, refreshed_at=now - timedelta(days=90), expires_at=now + age)
        for age in (timedelta(hours=hour) for hour in range(-500, 1500))
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sessions")

    assert 1350 <= estimate(Session.objects.live()) <= 1650


def test_every_figure_is_found_by_an_index(db: None) -> None:
    """Mails are few here: the plan is asked for as if a walk through the table cost very much."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    for rows, index in (
        (Session.objects.live(), "sessions_expires_at"),
        (Mail.objects.waiting(), "mails_waiting"),
        (Mail.objects.failed(), "mails_failed"),
    ):
        assert index in rows.order_by().values("pk").explain(), index
