"""The time of a refusal tells nothing."""

import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.contrib.auth import authenticate
from rest_framework.test import APIClient

from clients.models import Client
from tests.factories import PASSWORD, ClientFactory, UserFactory
from tests.timing import interleaved, is_even
from users.models import User

FULL = 19 * 1024 * 2  # KiB times passes of one password today
TRIES = 15
CPU = time.process_time
Attempt = tuple[str, str]


@pytest.fixture
def attempts(acme: Client, old_digest: str) -> dict[str, Callable[[], Attempt]]:
    """Return what makes a fresh failing attempt of each kind; no account is tried twice."""
    closed = ClientFactory(active=False)

    def of(typed: str, **fields: Any) -> Callable[[], Attempt]:
        return lambda: (UserFactory(**{"client": acme, **fields}).email, typed)

    numbers = iter(range(10_000))
    return {
        "unknown email": lambda: (f"nobody{next(numbers)}@example.com", PASSWORD),
        "no address": lambda: (f"nobody{next(numbers)}", PASSWORD),
        "wrong password": of("wrong"),
        "inactive": of(PASSWORD, active=False),
        "inactive, wrong password": of("wrong", active=False),
        "inactive client": of(PASSWORD, client=closed),
        "older digest, wrong password": of("wrong", password=old_digest),
        "older digest, inactive": of(PASSWORD, password=old_digest, active=False),
        "older digest, both": of("wrong", password=old_digest, active=False),
        "unusable digest": of(PASSWORD, password="!"),
        "foreign digest": of(PASSWORD, password="md5$a$b"),
    }


def test_what_is_not_ones_own_takes_the_same_time_to_refuse(
    as_regular: APIClient, regular: User, stranger: User, administrator: User
) -> None:
    colleague = UserFactory(client=regular.client)
    paths = [f"/users/{pk}" for pk in (colleague.pk, stranger.pk, administrator.pk, 2**62)]

    answers = [as_regular.get(path, headers={"X-Request-ID": "r1"}) for path in paths]

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert any(
        _is_even_to_read(as_regular, paths) for _ in range(5)
    )  # a busy machine gets more turns


def _is_even_to_read(client: APIClient, paths: list[str]) -> bool:
    """Tell whether the medians of interleaved refusals, in CPU time, are within 10 %."""
    calls = {path: partial(client.get, path) for path in paths}
    took = interleaved({path: lambda call=call: call for path, call in calls.items()}, 60, CPU)  # type: ignore[misc] # bound at once
    return is_even(took, least=0)


def log_in(attempt: Attempt, number: int = 0) -> Any:
    body = dict(zip(("email", "password"), attempt, strict=True))
    return APIClient().post("/auth/login", body, REMOTE_ADDR=f"10.0.{number // 250}.{number % 250}")


def test_every_refusal_costs_one_password(
    attempts: dict[str, Callable[[], Attempt]], costs: list[int]
) -> None:
    spent = {}
    for case, attempt in attempts.items():
        costs.clear()
        assert log_in(attempt()).status_code == 401
        spent[case] = sum(costs)

    assert spent == dict.fromkeys(attempts, FULL)


def test_every_refusal_at_the_operators_door_costs_one_password(
    attempts: dict[str, Callable[[], Attempt]], costs: list[int]
) -> None:
    spent = {}
    for case, attempt in attempts.items():
        costs.clear()
        email, password = attempt()
        assert authenticate(username=email, password=password) is None
        spent[case] = sum(costs)

    assert spent == dict.fromkeys(attempts, FULL)


def test_success_costs_one_password(regular: User, costs: list[int]) -> None:
    assert log_in((regular.email, PASSWORD)).status_code == 200
    assert costs == [FULL]


def test_every_refusal_asks_the_database_the_same(
    attempts: dict[str, Callable[[], Attempt]], django_assert_num_queries: Any
) -> None:
    for attempt in attempts.values():
        made = attempt()
        # The user; the counters: 6; the audit trail: 3; and 6 for their three savepoints.
        with django_assert_num_queries(16):
            log_in(made)


def test_every_refusal_takes_the_same_time(attempts: dict[str, Callable[[], Attempt]]) -> None:
    """All medians of interleaved tries, in CPU time, are within 10 % or 10 ms."""
    took: dict[str, list[float]] = {kind: [] for kind in attempts}

    # A busy machine gets more tries, beside those before: what is noise in them evens out.
    assert any(_is_even(attempts, took) for _ in range(6))


def _is_even(attempts: dict[str, Callable[[], Attempt]], took: dict[str, list[float]]) -> bool:
    """Try `TRIES` more of each kind, and tell whether all tries so far are even."""
    numbers = count(sum(map(len, took.values())))

    def of(attempt: Callable[[], Attempt]) -> Callable[[], Any]:
        return lambda: partial(log_in, attempt(), number=next(numbers))

    more = interleaved({kind: of(made) for kind, made in attempts.items()}, TRIES, CPU)
    for kind, times in more.items():
        took[kind] += times
    return is_even(took)
