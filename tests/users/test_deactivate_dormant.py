"""manage.py deactivate_dormant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from tests.conftest import Login
from tests.factories import AdministratorFactory, ClientFactory, InvitedFactory, UserFactory, as_row
from tests.users.test_queries import purposes
from tests.users.test_races import FIND, after
from users.lifecycle import deactivate_dormant
from users.mail.outbox import Kind, enqueue
from users.management.commands.deactivate_dormant import BATCH, line
from users.models import Mail, Session, User

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
BOUND = NOW - timedelta(days=90)
LONG_AGO = NOW - timedelta(days=400)
INSTANT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def now(db: None) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def present(administrator: User) -> User:
    """An administrator who was here today."""
    return logged_in(administrator, NOW)


def logged_in(user: User, moment: datetime | None, *, created: datetime = LONG_AGO) -> User:
    User.objects.filter(pk=user.pk).update(last_login_at=moment, created_at=created)
    user.refresh_from_db()
    return user


def dormant(**fields: Any) -> User:
    return logged_in(UserFactory(**fields), LONG_AGO)


def run(*arguments: str, days: str = "90") -> list[str]:
    """Return the lines that are printed."""
    printed = StringIO()
    call_command("deactivate_dormant", "--days", days, *arguments, stdout=printed)
    return printed.getvalue().splitlines()


def active() -> set[User]:
    return set(User.objects.active())


def test_deactivates_the_dormant_alone_and_lists_them(present: User, regular: User) -> None:
    logged_in(regular, NOW - timedelta(days=89))
    gone = dormant(email="gone@example.com")
    unused = logged_in(UserFactory(email="unused@example.com"), None)
    before = as_row(regular)

    assert run() == [
        f"{gone.pk}  gone@example.com  2029-04-27T12:00:00Z",
        f"{unused.pk}  unused@example.com  never",
        "Deactivated: 2.",
    ]

    assert active() == {present, regular}
    assert as_row(regular) == before
    assert as_row(gone)["updated_at"] == NOW


@pytest.mark.parametrize(("since", "stays"), [(-INSTANT, False), (0 * INSTANT, True)])
def test_counts_to_the_instant(since: timedelta, stays: bool, present: User) -> None:
    users = [
        logged_in(UserFactory(), BOUND + since),
        logged_in(UserFactory(), None, created=BOUND + since),
    ]

    run()

    assert [user in active() for user in users] == [stays, stays]


def test_a_dry_run_prints_the_same_and_changes_nothing(administrator: User) -> None:
    logged_in(administrator, LONG_AGO)
    dormant()
    AdministratorFactory()
    User.objects.update(created_at=LONG_AGO)
    before = list(User.objects.values())

    with CaptureQueriesContext(connection) as seen:
        dry = run("--dry-run")

    assert {purpose.split()[0] for purpose in purposes(seen.captured_queries)} == {"SELECT"}
    assert list(User.objects.values()) == before
    assert dry[-1] == "Would be deactivated: 2."
    assert run() == [*dry[:-1], "Deactivated: 2."]


def test_ends_their_sessions_for_good(present: User, regular: User, login: Login) -> None:
    with time_machine.travel(LONG_AGO, tick=False):
        phone = login(regular)
        Session.objects.update(expires_at=NOW + timedelta(days=1))

    run()
    assert not Session.objects.filter(user=regular).exists()

    User.objects.update(active=True)
    assert phone.get("/users/current").status_code == 401


def test_spares_who_uses_a_session_from_before(present: User, regular: User, login: Login) -> None:
    login(regular)
    logged_in(regular, LONG_AGO)
    Session.objects.update(created_at=LONG_AGO, refreshed_at=BOUND)

    assert run() == ["Deactivated: 0."]
    Session.objects.update(refreshed_at=BOUND - INSTANT)
    assert run()[-1] == "Deactivated: 1."


def test_leaves_the_inactive_as_they_are(present: User, inactive: User) -> None:
    before = as_row(logged_in(inactive, LONG_AGO))

    assert run() == ["Deactivated: 0."]
    assert as_row(inactive) == before


def test_takes_users_of_an_inactive_client_too(present: User) -> None:
    user = dormant(client=ClientFactory(active=False))

    run()

    assert user not in active()


def test_deactivates_dormant_administrators_where_one_is_not(present: User) -> None:
    others = [logged_in(AdministratorFactory(), LONG_AGO) for _ in range(2)]

    assert run()[-1] == "Deactivated: 2."
    assert active() == {present}
    assert not active() & set(others)


@pytest.mark.parametrize(
    ("logins", "stays"),
    [
        ((LONG_AGO, LONG_AGO + INSTANT, LONG_AGO), 1),
        ((LONG_AGO, None, None), 0),
        ((None, None, None), 2),
        ((LONG_AGO, LONG_AGO, LONG_AGO), 2),
    ],
)
def test_of_dormant_administrators_the_last_one_seen_stays(
    logins: tuple[datetime | None, ...], stays: int
) -> None:
    administrators = [logged_in(AdministratorFactory(), login) for login in logins]

    printed = run()

    assert active() == {administrators[stays]}
    told = f"Stays, as the last active administrator: {line(administrators[stays])}"
    assert printed[-2:] == [told, "Deactivated: 2."]
    assert run() == [told, "Deactivated: 0."]


def test_an_administrator_who_is_inactive_saves_nobody(administrator: User) -> None:
    logged_in(administrator, LONG_AGO)
    logged_in(AdministratorFactory(active=False), NOW)

    run()

    assert active() == {administrator}


def test_without_any_administrator_nothing_is_done(regular: User) -> None:
    before = as_row(logged_in(regular, LONG_AGO))

    with pytest.raises(CommandError, match="no active administrator"):
        run()

    assert as_row(regular) == before


def test_who_logs_in_after_they_were_chosen_stays(
    present: User, regular: User, stranger: User, login: Login
) -> None:
    chosen = User.objects.filter(pk__in=[logged_in(user, None).pk for user in (regular, stranger)])
    login(regular)

    assert deactivate_dormant(chosen, bound=BOUND, actor=None) == [stranger]

    assert active() == {present, regular}
    assert Session.objects.filter(user=regular).exists()


def test_touches_nobody_but_those_chosen(present: User, acme: Client) -> None:
    chosen, other = dormant(client=acme), dormant(client=acme)

    assert deactivate_dormant(User.objects.filter(pk=chosen.pk), bound=BOUND, actor=None) == [
        chosen
    ]
    assert active() == {present, other}


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=["real", "dry"])
def test_works_in_batches(arguments: tuple[str, ...], present: User, acme: Client) -> None:
    User.objects.bulk_create(
        UserFactory.build(client=acme, last_login_at=LONG_AGO) for _ in range(2 * BATCH + 1)
    )

    with CaptureQueriesContext(connection) as seen:
        printed = run(*arguments)

    ids = User.objects.filter(client=acme).order_by("pk").values_list("pk", flat=True)
    assert [int(text.split()[0]) for text in printed[:-1]] == list(ids)
    assert printed[-1].endswith(f": {2 * BATCH + 1}.")
    updates = [query for query in purposes(seen.captured_queries) if "UPDATE users" in query]
    assert updates == ([] if arguments else ["UPDATE users"] * 3)


def test_spares_the_last_where_the_other_leaves_in_between(present: User) -> None:
    last = logged_in(AdministratorFactory(), LONG_AGO)

    with after(FIND, lambda: User.objects.filter(pk=present.pk).update(active=False)):
        assert run()[-1] == "Deactivated: 0."

    assert active() == {last}


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1.5", "", "x", "1e2", "٣", "9" * 5000])
def test_refuses_other_days(days: str, present: User, regular: User) -> None:
    before = as_row(logged_in(regular, LONG_AGO))

    with pytest.raises(CommandError, match="days"):
        run(days=days)

    assert as_row(regular) == before


@pytest.mark.parametrize(("days", "count"), [("1", 1), ("36500", 0)])
def test_takes_days_to_the_ends(days: str, count: int, present: User, regular: User) -> None:
    logged_in(regular, LONG_AGO)

    assert run(days=days) == [*[line(User.objects.get(pk=regular.pk))] * count,
                              f"Deactivated: {count}."]  # fmt: skip


def test_cannot_do_without_days() -> None:
    with pytest.raises(CommandError, match="--days"):
        call_command("deactivate_dormant")


def test_an_invited_administrator_who_cannot_log_in_yet_saves_nobody(administrator: User) -> None:
    logged_in(administrator, LONG_AGO)
    logged_in(InvitedFactory(client=None), None, created=NOW)

    assert run()[-1] == "Deactivated: 0."
    assert administrator in active()


def test_who_was_invited_lately_stays(present: User) -> None:
    lately, long_ago = InvitedFactory(), InvitedFactory()
    for user in (lately, long_ago):
        logged_in(user, None)
        enqueue(Kind.INVITATION, user)
    Mail.objects.filter(user=long_ago).update(created_at=LONG_AGO)

    run()

    assert active() == {present, lately}
