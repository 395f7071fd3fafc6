"""A flood of passwords takes few threads, and what there is no room for is refused untouched."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier, get_ident
from typing import Any

import argon2
import pytest
from django.contrib.auth.hashers import check_password, get_hasher, make_password
from django.test import Client as Browser
from rest_framework.test import APIClient

from config.api.errors import Busy
from config.audit.models import AuditEvent
from config.throttling.models import Counter
from tests.admin_site import log_in
from tests.factories import DIGEST, PASSWORD, InvitedFactory, as_row
from users.hashing import MOST, SLOTS, Hashing, hashing, slots_of
from users.links import INVITATION
from users.models import Session, User

CHEAP = "argon2$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
CHOSEN = "an entirely new sentence"


@contextmanager
def no_room() -> Iterator[None]:
    """Take all places, as that many requests do while they hash."""
    with ExitStack() as places:
        for _ in range(MOST):
            places.enter_context(hashing.place())
        yield


@pytest.mark.parametrize(
    ("cores", "workers", "slots"),
    [(2, 2, 1), (8, 2, 4), (5, 2, 2), (1, 1, 1), (64, 2, MOST), (1, 2, 1), (4, 8, 1)],
)
def test_all_workers_together_hash_once_a_core(cores: int, workers: int, slots: int) -> None:
    assert slots_of(cores, workers) == slots


def test_six_at_once_hash_on_two_threads() -> None:
    few, start = Hashing(2, most=6), Barrier(6)

    def hash_here() -> int:
        argon2.PasswordHasher().hash(PASSWORD)
        return get_ident()

    def request() -> int:
        start.wait()
        return few.run(hash_here)

    with ThreadPoolExecutor(6) as requests:
        used = {call.result() for call in [requests.submit(request) for _ in range(6)]}

    assert len(used) <= 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: make_password(PASSWORD),
        lambda: check_password(PASSWORD, DIGEST),
        lambda: get_hasher().harden_runtime(PASSWORD, CHEAP),
    ],
    ids=["encode", "verify", "harden"],
)
def test_whatever_hashes_needs_a_place(call: Callable[[], object]) -> None:
    with no_room(), pytest.raises(Busy):
        call()
    call()


def test_hashes_in_threads_of_the_service_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_secret, threads = argon2.low_level.hash_secret, set()

    def noting(*args: Any, **kwargs: Any) -> bytes:
        threads.add(get_ident())
        return hash_secret(*args, **kwargs)

    monkeypatch.setattr("argon2.low_level.hash_secret", noting)
    with ThreadPoolExecutor(MOST) as requests:
        list(requests.map(make_password, [PASSWORD] * MOST))

    assert get_ident() not in threads
    assert 1 <= len(threads) <= SLOTS


@pytest.mark.parametrize("failure", [ValueError, argon2.exceptions.VerifyMismatchError])
def test_what_fails_gives_its_place_back(failure: type[Exception]) -> None:
    one = Hashing(1, most=1)

    def fail() -> None:
        raise failure

    with pytest.raises(failure):
        one.run(fail)

    assert one.run(str, "room") == "room"


def is_told_to_wait(answer: Any) -> bool:
    is_unavailable = (answer.status_code, answer["Retry-After"]) == (503, "5")
    return is_unavailable and answer.json()["code"] == "unavailable"


def test_login_without_room_is_refused_and_leaves_nothing(regular: User) -> None:
    body = {"email": regular.email, "password": PASSWORD}
    before = as_row(regular)

    with no_room():
        answer = APIClient().post("/auth/login", body)

    assert is_told_to_wait(answer)
    assert answer["Content-Type"] == "application/problem+json"
    assert as_row(regular) == before
    assert not Session.objects.exists()
    assert not AuditEvent.objects.exists()
    assert set(Counter.objects.values_list("count", "pending")) == {(0, 0)}


def test_operators_login_without_room_is_refused(administrator: User) -> None:
    with no_room():
        answer = log_in(Browser(), administrator.email)

    assert is_told_to_wait(answer)
    assert not Session.objects.exists()
    assert set(Counter.objects.values_list("count", "pending")) == {(0, 0)}


def test_user_without_room_for_their_password_is_not_made(as_administrator: APIClient) -> None:
    body = {"name": "Noor", "email": "noor@example.com", "client_id": None, "password": CHOSEN}

    with no_room():
        answer = as_administrator.post("/users", body)

    assert is_told_to_wait(answer)
    assert not User.objects.filter(email="noor@example.com").exists()


@pytest.mark.parametrize("method", ["put", "patch"])
def test_new_password_without_room_changes_nothing(
    as_administrator: APIClient, regular: User, method: str
) -> None:
    before = as_row(regular)

    with no_room():
        body = {"name": "Another", "password": CHOSEN}
        answer = getattr(as_administrator, method)(f"/users/{regular.pk}", body)

    assert is_told_to_wait(answer)
    assert as_row(regular) == before


def test_own_password_without_room_is_no_failure(as_regular: APIClient, regular: User) -> None:
    before, counted = as_row(regular), list(Counter.objects.order_by("key").values())

    with no_room():
        body = {"email": "other@example.com", "current_password": "wrong"}
        answer = as_regular.put(f"/users/{regular.pk}", body)

    assert is_told_to_wait(answer)
    assert as_row(regular) == before
    assert list(Counter.objects.order_by("key").values("key", "count", "pending")) == [
        {name: row[name] for name in ("key", "count", "pending")} for row in counted
    ]


def test_link_without_room_stays_good(db: None) -> None:
    user = InvitedFactory()
    body = {"token": INVITATION.token(user), "password": CHOSEN}

    with no_room():
        answer = APIClient().post("/auth/invitation", body)

    assert is_told_to_wait(answer)
    assert APIClient().post("/auth/invitation", body).status_code == 204
