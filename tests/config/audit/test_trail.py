"""Recording an act: in its transaction, without a secret, without waiting."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from typing_extensions import override

from clients.models import Client
from config.audit.events import Event
from config.audit.lanes import take_lane
from config.audit.models import AuditEvent, AuditLane
from config.audit.origin import Door, Origin, coming_from, current_origin, door_of
from config.audit.trail import Act, differences, record, record_all
from tests.trail import act, empty, events, verify
from users.models import User


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_outside_of_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record(Event.LOGIN, actor=None)

    assert events() == []


@pytest.mark.django_db
def test_an_act_that_is_taken_back_leaves_nothing(administrator: User) -> None:
    before = list(AuditLane.objects.order_by("pk").values())
    with transaction.atomic():
        record(Event.LOGIN, actor=administrator)
        transaction.set_rollback(True)

    assert events() == []
    assert list(AuditLane.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_says_who_on_whom_and_what(administrator: User, acme: Client) -> None:
    at = datetime(2030, 1, 31, tzinfo=UTC)
    with coming_from(Origin(Door.ADMIN, "2001:db8::7", "r-1")):
        row = act(
            Event.CLIENT_UPDATED,
            actor=administrator,
            target=acme,
            changes={"name": ("Äcme\x00\ud800", None)},
            details={"at": at},
        )

    shown = {name: getattr(row, name) for name in ("event", "actor_id", "actor", "target_type")}
    assert shown == {
        "event": "client_updated",
        "actor_id": administrator.pk,
        "actor": "ada@example.com",
        "target_type": "client",
    }
    assert (row.target_id, row.target) == (acme.pk, "Acme")
    assert (row.door, row.address, row.request_id) == ("admin", "2001:db8::7", "r-1")
    assert row.changes == '{"name":["\\u00c4cme\\u0000\\ud800",null]}'
    assert row.details == '{"at":"2030-01-31T00:00:00.000000Z"}'


@pytest.mark.django_db
def test_nobody_is_an_actor_who_is_not_known() -> None:
    row = act(actor=AnonymousUser())

    assert (row.actor_id, row.actor, row.target_type, row.target_id) == (None, "", "", None)


@pytest.mark.django_db
def test_what_json_has_no_value_for_is_refused() -> None:
    with pytest.raises(TypeError):
        act(details={"x": object()})

    assert events() == []


def test_a_secret_is_masked_and_nothing_else_is() -> None:
    found = differences({"name": "A", "password": "d1"}, {"name": "B", "password": "d2"})

    assert found == {"name": ("A", "B"), "password": ("***", "***")}
    assert differences({}, {"password": "d"}) == {"password": (None, "***")}


@pytest.mark.django_db
def test_many_acts_go_into_one_lane_at_the_cost_of_one(administrator: User) -> None:
    acts = [Act(Event.USER_ACTIVATED, administrator, administrator, details={"bulk": 50})] * 50
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        record_all(acts)

    assert len({row["lane"] for row in events()}) == 1
    assert len(events()) == 50
    assert len(seen) <= 5 + 4  # a lane, its length, the rows (in parts on SQLite), a savepoint
    assert verify() == []


@pytest.mark.django_db
def test_more_acts_than_fit_one_batch_follow_one_another() -> None:
    with transaction.atomic():
        record_all(Act(Event.USER_ACTIVATED) for _ in range(2001))
    with transaction.atomic():
        record_all([])

    assert AuditLane.objects.filter(length=2001).count() == 1
    assert AuditEvent.objects.count() == 2001
    assert verify() == []


@pytest.mark.django_db
def test_acts_spread_over_the_lanes() -> None:
    assert len({act().lane for _ in range(300)}) > 32


@pytest.mark.django_db
def test_the_first_act_makes_the_lanes() -> None:
    empty()

    act()

    assert list(AuditLane.objects.order_by("pk").values_list("pk", flat=True)) == [*range(1, 65)]
    assert verify() == []


@pytest.mark.parametrize(
    ("path", "door"),
    [("/admin/", "admin"), ("/admin", "admin"), ("/admin/users/user/", "admin"),
     ("/administrators", "api"), ("/users", "api"), ("/", "api"), ("/auth/login", "api"),
     ("/invitation/x", "page"), ("/password/reset", "page"), ("/passwords", "api")],
)  # fmt: skip
def test_the_door_is_the_first_part_of_the_path(path: str, door: str) -> None:
    assert door_of(path) == door


def test_outside_of_a_request_it_is_a_command() -> None:
    with coming_from(Origin(Door.API, "192.0.2.1", "r")):
        pass

    assert current_origin() == Origin(Door.COMMAND, "", "")


class Elsewhere(threading.Thread):
    """A transaction on a connection of its own, that is open until it is let go."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.work, self.worked, self.may_end = work, threading.Event(), threading.Event()
        self.result: Any = None

    @override
    def run(self) -> None:
        try:
            with transaction.atomic():
                self.result = self.work()
                self.worked.set()
                assert self.may_end.wait(30)
        finally:
            connection.close()

    def end(self) -> None:
        self.may_end.set()
        self.join()


@pytest.mark.django_db(transaction=True)
def test_open_transactions_do_not_wait_for_one_another() -> None:
    """On SQLite there is one writer at a time anyway: there they do it one after the other."""
    has_locks = connection.features.has_select_for_update
    others = [Elsewhere(lambda: record(Event.LOGIN, actor=None)) for _ in range(8 * has_locks)]
    for other in others:
        other.start()
        assert other.worked.wait(20), "waits for another transaction's lane"

    act()
    for other in others:
        other.end()

    assert len(events()) == 1 + len(others)
    assert len({row["lane"] for row in events()}) == 1 + len(others)
    assert verify() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no table")
@pytest.mark.django_db(transaction=True)
def test_a_statement_that_took_too_long_is_told_as_such() -> None:
    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_lanes IN EXCLUSIVE MODE")

    holder = Elsewhere(lock)
    holder.start()
    assert holder.worked.wait(20)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '100ms'")
            with pytest.raises(OperationalError, match="statement timeout"):
                record(Event.LOGIN, actor=None)
            transaction.set_rollback(True)
    finally:
        holder.end()


@pytest.mark.django_db(transaction=True)
def test_waits_only_where_every_lane_is_held() -> None:
    if not connection.features.has_select_for_update:
        return  # no lane can be held there while another transaction writes
    holder = Elsewhere(lambda: list(AuditLane.objects.select_for_update().order_by("pk")))
    holder.start()
    assert holder.worked.wait(20)
    waiting = Elsewhere(lambda: record(Event.LOGIN, actor=None))
    waiting.start()

    assert not waiting.worked.wait(0.5)
    holder.end()
    assert waiting.worked.wait(20)
    waiting.end()

    assert len(events()) == 1
    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_first_acts_at_the_same_time_make_the_lanes_once() -> None:
    empty()
    has_locks = connection.features.has_select_for_update
    first = Elsewhere(lambda: take_lane().number)
    first.start()
    assert first.worked.wait(20)
    second = Elsewhere(lambda: take_lane().number)
    if has_locks:
        second.start()
        assert not second.worked.wait(0.5)  # once in the life of a database
    first.end()
    if not has_locks:
        second.start()
    assert second.worked.wait(20)
    second.end()

    assert AuditLane.objects.count() == 64
    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_finds_no_fault_while_others_write_and_prune() -> None:
    """Each list of faults is of a moment in which rows come and go."""
    if not connection.features.has_select_for_update:
        return  # a database in memory is locked for readers too while another writes
    with time_machine.travel(timezone.now() - timedelta(days=9)):
        for _ in range(300):
            act()
    days = iter([timezone.now() - timedelta(days=day) for day in (8, 1)])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            act()
            if day := next(days, None):
                call_command("prune_audit", before=f"{day:%Y-%m-%d}", verbosity=0)

    writers = [threading.Thread(target=_closing(write)) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        found = [verify() for _ in range(5)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert found == [[]] * 5
    assert verify() == []
    assert AuditLane.objects.filter(base_number__gt=0).exists()


def _closing(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run
