"""Failures are counted before a hash is spent, and shut out nobody but who fails."""

import socket
import time
from typing import Any

import pytest
import redis
from django.test import Client as Browser
from rest_framework.test import APIClient

from config.throttling import stores
from config.throttling.limits import Throttled, begin
from config.throttling.models import Counter
from config.throttling.stores import TIMEOUT, purge
from tests.admin_site import enter, errors, save
from tests.factories import PASSWORD
from tests.redis_server import STORES, free_port
from tests.users.auth.conftest import Clock
from users.models import Session, User


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, settings: Any) -> str:
    """Run the test on each store that this machine has."""
    if request.param == "redis":
        settings.CACHE_URL = request.getfixturevalue("redis_url")
        redis.Redis.from_url(settings.CACHE_URL).flushall()
    return str(request.param)


def attempt(email: str, password: str = "wrong", address: str = "192.0.2.1", **meta: Any) -> Any:
    body = {"email": email, "password": password}
    return APIClient().post("/auth/login", body, REMOTE_ADDR=address, **meta)


def statuses(email: str, count: int, **named: Any) -> list[int]:
    return [attempt(email, **named).status_code for _ in range(count)]


@pytest.mark.parametrize("email", ["rita@example.com", "nobody@example.com"])
def test_eleventh_failure_is_refused_unhashed(
    store: str, regular: User, costs: list[int], clock: Clock, email: str
) -> None:
    assert statuses(email, 10) == [401] * 10
    costs.clear()

    answer = attempt(email, PASSWORD)

    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 55 <= int(answer["Retry-After"]) <= 61
    assert costs == []
    assert not Session.objects.exists()


def test_window_ends_after_a_minute(store: str, regular: User, clock: Clock) -> None:
    statuses(regular.email, 10)
    clock.at(seconds=59)
    assert attempt(regular.email, PASSWORD).status_code == 429
    clock.at(seconds=60)
    assert attempt(regular.email, PASSWORD).status_code == 200


def test_owner_gets_in_from_elsewhere_during_an_attack(
    store: str, regular: User, clock: Clock
) -> None:
    statuses(regular.email, 12)

    assert attempt(regular.email, PASSWORD, "198.51.100.1").status_code == 200
    assert attempt(regular.email, PASSWORD).status_code == 429


def test_owner_gets_in_after_a_day_of_attack(store: str, regular: User, clock: Clock) -> None:
    for minute in range(12):
        clock.at(minutes=minute)
        statuses(regular.email, 10)

    clock.at(hours=3)
    assert attempt(regular.email).status_code == 429
    assert attempt(regular.email, PASSWORD, "198.51.100.1").status_code == 200


def test_many_addresses_share_the_accounts_budget_and_its_reserve(
    store: str, regular: User, costs: list[int], clock: Clock
) -> None:
    found = [attempt(regular.email, address=f"192.0.2.{n}").status_code for n in range(50)]

    assert found == [401] * 12 + [429] * 38
    assert len(costs) == 12


def test_address_that_logged_in_before_keeps_a_budget_of_its_own(
    store: str, regular: User, clock: Clock
) -> None:
    home = "198.51.100.1"
    assert attempt(regular.email, PASSWORD, home).status_code == 200
    clock.at(days=29)
    for n in range(50):
        attempt(regular.email, address=f"192.0.2.{n}")

    found = [attempt(regular.email, address=home).status_code for _ in range(9)]

    assert found == [401] * 9
    assert attempt(regular.email, PASSWORD, home).status_code == 200


def test_address_is_forgotten_after_30_days(store: str, regular: User, clock: Clock) -> None:
    home = "198.51.100.1"
    assert attempt(regular.email, PASSWORD, home).status_code == 200
    clock.at(days=30)
    for n in range(50):
        attempt(regular.email, address=f"192.0.2.{n}")

    assert attempt(regular.email, PASSWORD, home).status_code == 429


def test_attempt_that_was_cut_off_counts_until_its_window_ends(
    store: str, regular: User, clock: Clock
) -> None:
    for _ in range(10):
        begin(regular.email, "192.0.2.1")  # and never settled, as by a worker that was killed

    with pytest.raises(Throttled):
        begin(regular.email, "192.0.2.1")
    clock.at(minutes=1)
    begin(regular.email, "192.0.2.1")


def test_right_passwords_are_given_back(store: str, regular: User) -> None:
    assert [attempt(regular.email, PASSWORD).status_code for _ in range(12)] == [200] * 12


def test_spelling_and_headers_open_no_new_budget(store: str, regular: User) -> None:
    spellings = ["RITA@example.com", " rita@example.com ", "Rita@Example.COM"] * 4
    for number, email in enumerate(spellings[:10]):
        hearsay = {"HTTP_X_FORWARDED_FOR": f"10.0.0.{number}", "HTTP_X_REAL_IP": f"10.1.0.{number}"}
        assert attempt(email, **hearsay).status_code == 401

    assert attempt(regular.email, PASSWORD, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429


def test_address_has_a_bucket_over_all_accounts(store: str, regular: User) -> None:
    found = [
        attempt(f"n{n}@example.com", address=f"2001:db8::{n:x}").status_code for n in range(31)
    ]

    assert found == [401] * 30 + [429]
    refreshed = APIClient().post("/auth/refresh", {"refresh": "x"}, REMOTE_ADDR="2001:db8::ff")
    assert refreshed.status_code == 429
    assert attempt(regular.email, PASSWORD, "2001:db8:0:1::1").status_code == 200


def test_what_is_no_address_shares_no_budget(store: str, db: None, clock: Clock) -> None:
    found = [attempt(f"nobody{n}", address=f"192.0.2.{n}").status_code for n in range(20)]
    assert found == [401] * 20

    assert statuses("nobody", 11) == [401] * 10 + [429]


def test_who_is_refused_leaves_no_counters_behind(regular: User, clock: Clock) -> None:
    for n in range(30):
        attempt(f"n{n}@example.com")
    before = list(Counter.objects.order_by("key").values())

    assert statuses("invented@example.com", 3) == [429] * 3

    assert list(Counter.objects.order_by("key").values()) == before


def test_bad_refresh_tokens_spend_the_bucket(store: str, db: None) -> None:
    found = [APIClient().post("/auth/refresh", {"refresh": "x"}).status_code for _ in range(31)]

    assert found == [401] * 30 + [429]


def test_admin_site_is_in_the_same_count(store: str, administrator: User) -> None:
    statuses(administrator.email, 10, address="127.0.0.1")
    answer = Browser().post(
        "/admin/login/", {"username": administrator.email, "password": PASSWORD}
    )

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert "Too many failures. Try again in" in answer.content.decode()
    assert not Session.objects.exists()


def test_current_password_is_counted(store: str, regular: User, as_regular: APIClient) -> None:
    body = {"email": "r@example.com", "current_password": "wrong"}
    found = [as_regular.put(f"/users/{regular.pk}", body).status_code for _ in range(11)]

    assert found == [400] * 10 + [429]
    regular.refresh_from_db()
    assert regular.email == "rita@example.com"


@pytest.mark.parametrize("page", ["own email", "own password"])
def test_own_password_in_the_admin_site_is_counted(
    store: str, administrator: User, page: str
) -> None:
    browser = enter(administrator)
    before = User.objects.values().get()

    for _ in range(10):
        assert ["incorrect"] in errors(try_own(browser, administrator, page, "wrong")).values()
    answer = try_own(browser, administrator, page, PASSWORD)

    assert ["throttled"] in errors(answer).values()
    assert "Too many failures. Try again in" in answer.content.decode()
    assert User.objects.values().get() == before


def try_own(browser: Browser, user: User, page: str, password: str) -> Any:
    if page == "own email":
        path = f"/admin/users/user/{user.pk}/change/"
        return save(browser, path, email="new@example.com", current_password=password)
    new = {"new_password1": "a new and long password", "new_password2": "a new and long password"}
    return browser.post("/admin/password_change/", {"old_password": password, **new})


def test_store_that_is_gone_allows_nothing(regular: User, settings: Any) -> None:
    settings.CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"

    answer = attempt(regular.email, PASSWORD)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer["Retry-After"]) >= 1
    assert not Session.objects.exists()


def test_store_that_hangs_is_waited_for_once(regular: User, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.CACHE_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        first, second = (timed(attempt, regular.email, PASSWORD) for _ in range(2))

    assert [answer.status_code for answer, _ in (first, second)] == [503, 503]
    assert first[1] >= TIMEOUT > second[1] + 1
    assert not Session.objects.exists()


def timed(call: Any, *args: Any) -> tuple[Any, float]:
    started = time.monotonic()
    return call(*args), time.monotonic() - started


def test_store_that_was_silent_is_asked_again(regular: User, settings: Any) -> None:
    settings.CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    asked = stores.store()
    assert isinstance(asked, stores.RedisStore)

    for since, is_asked in ((1, True), (-60, False)):
        asked.silent_until = time.monotonic() - since
        assert attempt(regular.email, PASSWORD).status_code == 503
        assert (asked.silent_until == 0) is is_asked  # it said no, but it did say something


def test_ended_counters_are_purged(regular: User) -> None:
    attempt(regular.email)
    now = int(time.time() * 1000)
    assert Counter.objects.count() == 6
    assert "rita" not in str(list(Counter.objects.values()))

    purge(now=now + 2 * 24 * 3600 * 1000, limit=500)

    assert not Counter.objects.exists()
