"""The cast, and how tests talk to the service."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from config.audit.lanes import make_lanes
from tests.factories import PASSWORD, AdministratorFactory, ClientFactory, UserFactory
from tests.redis_server import running_redis
from tests.trail import empty
from users.models import User


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let there be lanes, as in any database that has been used."""
    with django_db_blocker.unblock():
        make_lanes()


@pytest.fixture(autouse=True)
def trail_of_one_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget what a test without surrounding transaction has recorded: nothing else does."""
    marker = request.node.get_closest_marker("django_db")
    is_kept = marker is not None and marker.kwargs.get("transaction")
    if is_kept:
        request.getfixturevalue("transactional_db")
    yield
    if is_kept:
        empty()
        make_lanes()


@pytest.fixture
def administrator(db: None) -> User:
    return AdministratorFactory(name="Ada Lovelace", email="ada@example.com")


@pytest.fixture
def acme(db: None) -> Client:
    return ClientFactory(name="Acme")


@pytest.fixture
def globex(db: None) -> Client:
    return ClientFactory(name="Globex")


@pytest.fixture
def regular(acme: Client) -> User:
    """A user of Acme."""
    return UserFactory(name="Rita Regular", email="rita@example.com", client=acme)


@pytest.fixture
def stranger(globex: Client) -> User:
    """A user of Globex."""
    return UserFactory(name="Stan Stranger", email="stan@example.com", client=globex)


@pytest.fixture
def inactive(acme: Client) -> User:
    """A deactivated user of Acme."""
    return UserFactory(name="Ina Inactive", email="ina@example.com", client=acme, active=False)


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()


Login = Callable[..., APIClient]


@pytest.fixture
def login() -> Login:
    """Return a client that has logged in through the API, real tokens and all.

    `client.tokens` holds `{"access", "refresh"}`.
    """

    def log_in(user: User, password: str = PASSWORD) -> APIClient:
        client = APIClient()
        answer = client.post("/auth/login", {"email": user.email, "password": password})
        assert answer.status_code == 200, answer.content
        client.tokens = answer.json()  # type: ignore[attr-defined] # kept beside the client for the test
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        return client

    return log_in


@pytest.fixture
def as_administrator(administrator: User, login: Login) -> APIClient:
    return login(administrator)


@pytest.fixture
def as_regular(regular: User, login: Login) -> APIClient:
    return login(regular)


def codes(answer: Any) -> dict[str, str]:
    """Return where and what: `{pointer or parameter: code}` of a 400."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    errors = answer.json()["errors"]
    return {error.get("pointer") or error["parameter"]: error["code"] for error in errors}
