"""Requests with a password wait in the event loop, few are served at once, the others go past."""

import asyncio
import ipaddress
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from config import rsgi
from config.api.errors import Busy
from config.turns import Turns, hashes
from tests.config.test_rsgi import Connection, scope
from users.hashing import MOST

LOGIN = b'{"email": "a@example.com", "password": "correct horse battery staple"}'


def test_two_at_a_time_are_served_in_the_order_they_came() -> None:
    turns, under_way, log = Turns(2), set[int](), list[tuple[int, int]]()

    async def request(number: int) -> None:
        async with turns.wait():
            under_way.add(number)
            await asyncio.sleep(0)  # let the others try
            log.append((number, len(under_way)))
            under_way.remove(number)

    async def all_at_once() -> None:
        await asyncio.gather(*map(request, range(6)))

    asyncio.run(all_at_once())

    assert [number for number, _ in log] == [0, 1, 2, 3, 4, 5]
    assert {count for _, count in log} == {1, 2}


@pytest.mark.parametrize(
    "path",
    ["/auth/login", "/auth/login/", "/auth/invitation", "/auth/password/reset", "/admin/login/",
     "/admin/password_change/", "/admin/users/user/add/",
     "/admin/users/user/7/password/", "/invitation/abc",
     "/password/reset/abc"],
)  # fmt: skip
@pytest.mark.parametrize("body", [LOGIN, b"{}", b'{"p\\u0061ssword": 1}', b"p%61ssword=1"])
def test_whatever_weighs_a_password_waits_however_it_is_spelt(path: str, body: bytes) -> None:
    assert hashes("POST", path, body)
    assert not hashes("GET", path, b"")


def test_operators_wait_where_they_say_their_own_password() -> None:
    path = "/admin/users/user/7/change/"

    assert hashes("POST", path, b"email=b%40example.com&current_password=x")
    assert not hashes("POST", path, b"email=b%40example.com")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("path", ["/users", "/users/", "/users/7", "/users/7/"])
def test_users_are_written_without_waiting_but_with_a_password(method: str, path: str) -> None:
    assert hashes(method, path, b'{"password": "x"}')
    assert hashes(method, path, b'{"p\\u0061ssword": "x"}')
    assert not hashes(method, path, b'{"name": "Noor"}')


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/clients/7"), ("POST", "/users/import"), ("POST", "/auth/refresh"),
     ("POST", "/auth/password/forgotten"), ("POST", "/password/forgotten"),
     ("POST", "/admin/users/import/add"), ("POST", "/admin/clients/client/7/change/")],
)  # fmt: skip
def test_the_word_alone_makes_nobody_wait(method: str, path: str) -> None:
    assert not hashes(method, path, b'{"name": "password Ltd"}')


def test_leaves_threads_to_those_without_password() -> None:
    assert MOST <= rsgi.MORE


def test_who_has_waited_for_long_waits_no_more_and_leaves_the_turn_to_others() -> None:
    async def crowd() -> list[str]:
        turns, seen = Turns(1, longest=0.05), []
        async with turns.wait():
            with pytest.raises(Busy):
                async with turns.wait():
                    seen.append("in time")
        async with turns.wait("192.0.2.1"):
            seen.append("later")
        return seen

    assert asyncio.run(crowd()) == ["later"]


def test_refuses_at_once_where_too_many_wait() -> None:
    async def crowd() -> None:
        turns = Turns(1, most_waiting=1)
        async with AsyncExitStack() as served:
            await served.enter_async_context(turns.wait())
            waiting = asyncio.create_task(served.enter_async_context(turns.wait()))
            await asyncio.sleep(0)  # let it begin to wait
            with pytest.raises(Busy):
                await turns.wait().__aenter__()
            waiting.cancel()
        async with turns.wait():  # all places are free again
            pass

    asyncio.run(crowd())


def test_one_address_leaves_a_quarter_of_the_places_to_others() -> None:
    async def crowd() -> tuple[int, int]:
        turns, busy = Turns(1, most_waiting=39), 0
        async with AsyncExitStack() as served:
            tasks = []

            async def come(client: str) -> bool:
                nonlocal busy
                task = asyncio.create_task(served.enter_async_context(turns.wait(client)))
                await asyncio.sleep(0)  # let it begin to wait
                tasks.append(task)
                if task.done() and isinstance(task.exception(), Busy):
                    busy += 1
                    return False
                return True

            flood = sum([await come("203.0.113.7/32") for _ in range(40)])
            others = sum([await come(f"198.51.100.{n % 4}/32") for n in range(40)])
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with turns.wait("203.0.113.7/32"):  # all places are free again
            assert turns._taken == {"203.0.113.7/32": 1}
        return flood, others

    assert asyncio.run(crowd()) == (30, 10)


def test_places_are_counted_by_the_client_behind_the_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 2001:db8:1:2:3::4"}

    assert rsgi.address_of(environ) == "2001:db8:1:2::/64"
    assert rsgi.address_of(
        {"REMOTE_ADDR": "203.0.113.7"} | {"HTTP_X_FORWARDED_FOR": "1.1.1.1"}
    ) == ("203.0.113.7/32")
    assert rsgi.address_of({"REMOTE_ADDR": ""}) == ""


def test_server_answers_503_and_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection(LOGIN)
    request = scope("POST", "/auth/login", ("content-length", str(len(LOGIN))))
    monkeypatch.setattr(rsgi, "turns", turns := Turns(1, most_waiting=0))

    async def come_second() -> None:
        async with turns.wait():
            await rsgi.app.__rsgi__(request, connection)

    asyncio.run(come_second())

    assert connection.answer is not None
    status, headers, body = connection.answer
    assert (status, dict(headers)["retry-after"]) == (503, "5")
    assert json.loads(body)["code"] == "unavailable"
