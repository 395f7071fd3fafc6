"""The first page of users, which has a shorter way than any other, shows what every other would."""

from itertools import product
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.factories import AdministratorFactory, ClientFactory, InvitedFactory, UserFactory
from users.views import UserViewSet

pytestmark = pytest.mark.django_db

ORDERINGS = [sign + name for name in UserViewSet.orderings for sign in ("", "-")]
FILTERS = [
    "role=administrator",
    "role=regular&active=true",
    "active=false",
    "status=invited",
    "email=ADA@example.com",
    "never_logged_in=true",
    "created_after=2020-01-01T00:00:00Z",
    "created_before=2020-01-01T00:00:00Z",
    "client_id=9223372036854775807",
    "search=ad",
]
INCLUDES = ["active", "created_at,last_login_at", "status", "updated_at,status,active"]


@pytest.fixture
def crowd() -> None:
    clients = [ClientFactory(), ClientFactory(active=False)]
    for client, active in product(clients, (True, False)):
        UserFactory(client=client, active=active, last_login_at=timezone.now())
    AdministratorFactory(active=False), InvitedFactory(client=clients[0])


def results(client: APIClient, query: str) -> Any:
    answer = client.get(f"/users?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.usefixtures("crowd")
def test_shows_what_a_walk_begins_with(as_administrator: APIClient) -> None:
    shapes = [f"ordering={ordering}" for ordering in ORDERINGS]
    shapes += [*FILTERS, *(f"include={include}" for include in INCLUDES)]
    for shape, size in product(shapes, (3, 100)):
        query = f"{shape}&page_size={size}"
        assert results(as_administrator, query) == results(as_administrator, f"{query}&cursor=")


def test_is_never_an_earlier_one(as_administrator: APIClient) -> None:
    before = results(as_administrator, "ordering=-id")
    user = UserFactory()

    assert [row["id"] for row in results(as_administrator, "ordering=-id")] == [
        user.pk,
        *(row["id"] for row in before),
    ]


def test_has_the_size_that_the_settings_say(
    as_administrator: APIClient, settings: Settings
) -> None:
    UserFactory.create_batch(3)
    for size in (2, 4):
        settings.PAGE_SIZE = size
        assert len(results(as_administrator, "")) == size
