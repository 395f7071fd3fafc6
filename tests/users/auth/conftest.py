"""Fixtures of the tests of logging in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from argon2 import _password_hasher, extract_parameters, low_level

from tests.factories import PASSWORD
from users.hashers import Argon2idHasher
from users.hashing import hashing

START = datetime(2030, 1, 1, tzinfo=UTC)


class Clock:
    """Time that stands until it is moved."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller

    def at(self, **since_start: float) -> None:
        """Set the clock to so much after `START`."""
        self.traveller.move_to(START + timedelta(**since_start))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(START, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the cost (KiB times passes) of each Argon2 computation."""
    spent: list[int] = []

    def count(module: Any, name: str, cost: Callable[..., int]) -> None:
        compute = getattr(module, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            spent.append(cost(*args, **kwargs))
            return compute(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)

    def verified(digest: bytes, *_: Any) -> int:
        parameters = extract_parameters(digest.decode())
        return parameters.memory_cost * parameters.time_cost

    count(_password_hasher, "verify_secret", verified)
    count(low_level, "hash_secret", lambda *_, **named: named["memory_cost"] * named["time_cost"])
    count(low_level, "hash_secret_raw", lambda _, __, time_cost, memory, *___: time_cost * memory)
    return spent


class CheaperHasher(Argon2idHasher):
    """What an installation of some years ago could have used."""

    memory_cost = 7 * 1024
    time_cost = 1


@pytest.fixture(scope="session")
def old_digest() -> str:
    """The digest of `PASSWORD` with cheaper parameters than today's."""
    hasher = CheaperHasher()
    return hasher.encode(PASSWORD, hasher.salt())


@pytest.fixture
def while_verifying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Let something happen, once, while the next password is being verified."""

    def happen(event: Callable[[], Any]) -> None:
        run = hashing.run

        def run_and_happen(*args: Any) -> Any:
            monkeypatch.setattr(hashing, "run", run)
            event()  # in the thread of the request, whose connection a test shares
            return run(*args)

        monkeypatch.setattr(hashing, "run", run_and_happen)

    return happen
