"""Many tries at once, against the running server and its workers."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.live.conftest import PASSWORD, Service, at_once, serving, with_limits
from tests.redis_server import STORES


@pytest.fixture(params=STORES)
def strict(
    environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """Start a server with the default limits; nobody else calls from this address."""
    is_redis = request.param == "redis"
    cache = {"CACHE_URL": request.getfixturevalue("redis_url")} if is_redis else {}
    with serving(with_limits(environment) | cache, tmp_path / "log") as running:
        yield replace(running, address="127.0.0.9")


def log_in(service: Service, email: str, password: str) -> int:
    body = {"email": email, "password": password}
    return service.call("POST", "/auth/login", body).status


def test_fifty_guesses_at_once_get_ten_answers(strict: Service, root: str) -> None:
    email = strict.create_user(root, client_id=strict.create_client(root))["email"]

    found = at_once(*[partial(log_in, strict, email, "wrong")] * 50)

    assert sorted(found) == [401] * 10 + [429] * 40


def test_twenty_right_ones_at_once_all_get_in(strict: Service, root: str) -> None:
    email = strict.create_user(root, client_id=strict.create_client(root))["email"]

    assert at_once(*[partial(log_in, strict, email, PASSWORD)] * 20) == [200] * 20
