"""How old a replica is taken to be; what that does to requests is in tests/machines."""

import math
from typing import Any

import pytest
from django.db import ProgrammingError
from rest_framework.test import APIClient

from config import replica
from config.replica import REMEMBERED, Watch, Written
from users.models import Session


def test_replica_that_has_all_is_as_old_as_the_last_look() -> None:
    written = Written()
    for moment in range(100):
        written.note(moment, 7)  # an idle primary

        assert written.age(moment + 0.25, 7) == 0.25


def test_replica_ages_from_the_last_look_whose_all_it_has() -> None:
    written = Written()
    for moment in range(10):
        written.note(moment, 100 + moment)

    assert written.age(10, 104) == 6
    assert written.age(10, 105) == 5
    assert written.age(10, 200) == 1


def test_replica_whose_stream_has_broken_ages_though_it_has_replayed_all_it_got() -> None:
    written = Written()
    written.note(0, 100)
    ages = []
    for moment in range(1, 20):
        written.note(moment, 100 + moment)
        ages.append(written.age(moment, 100))

    assert ages == [*range(1, 20)]


def test_replica_that_never_had_what_the_primary_had_is_away() -> None:
    written = Written()
    written.note(0, 100)

    assert written.age(0, 99) == math.inf
    for moment in range(REMEMBERED):  # what it lacks is forgotten, not the rest
        written.note(moment, 101 + moment)
    assert written.age(REMEMBERED, 100) == math.inf
    assert written.age(REMEMBERED, 101) == REMEMBERED


def test_replica_whose_queries_fail_is_left_alone_ever_longer(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REPLICA_MAX_LAG = 10
    now = 0.0
    monkeypatch.setattr("config.replica.time.monotonic", lambda: now)
    watch = Watch()
    monkeypatch.setattr(watch, "_look", lambda: (0.5, ""))
    used = []
    for _ in range(1200):  # for two minutes, asked all the time
        now += 0.1
        if watch.is_usable():
            used.append(round(now))
            watch.doubt(ProgrammingError())

    assert used == [0, 5, 15, 35, 75]
    assert len(caplog.records) == 2 * len(used)


def test_without_replica_there_is_no_lag() -> None:
    assert not replica.is_configured()
    assert replica.lag() is None


def test_without_replica_no_write_is_noted(as_administrator: APIClient) -> None:
    Session.objects.update(wrote_at=None)

    assert as_administrator.post("/clients", {"name": "Acme"}).status_code == 201
    assert Session.objects.get().wrote_at is None


@pytest.mark.django_db
def test_a_write_is_noted_once_a_second(as_administrator: APIClient) -> None:
    Session.objects.update(wrote_at=None)
    session = Session.objects.get()
    session.note_write()
    session.refresh_from_db()
    (first,) = Session.objects.values_list("wrote_at", flat=True)
    session.note_write()

    assert first is not None
    assert Session.objects.get().wrote_at == first
