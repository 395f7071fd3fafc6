"""GET /clients."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import ClientFactory, UserFactory


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [client["name"] for client in answer.json()["results"]]


def test_answers_exactly_the_envelope_and_two_keys(
    as_administrator: APIClient, acme: Client, globex: Client
) -> None:
    answer = as_administrator.get("/clients")

    assert answer.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [{"id": acme.pk, "name": "Acme"}, {"id": globex.pk, "name": "Globex"}],
    }


def test_counts_all_users_of_each(as_administrator: APIClient, acme: Client) -> None:
    UserFactory(client=acme)
    UserFactory(client=acme, active=False)
    empty = ClientFactory(active=False)

    answer = as_administrator.get("/clients?include=users_count,active")

    assert answer.json()["results"] == [
        {"id": acme.pk, "name": "Acme", "users_count": 2, "active": True},
        {"id": empty.pk, "name": empty.name, "users_count": 0, "active": False},
    ]


@pytest.fixture
def several(as_administrator: APIClient) -> APIClient:
    for day, (name, active) in enumerate(
        [("Zeta 100%", True), ("alpha_one", False), ("École Beta", True), ("Alpha Two", True)], 1
    ):
        row = ClientFactory(name=name, active=active)
        Client.objects.filter(pk=row.pk).update(created_at=datetime(2026, 1, day, tzinfo=UTC))
    return as_administrator


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Zeta 100%", "alpha_one", "École Beta", "Alpha Two"]),
        ("active=true", ["Zeta 100%", "École Beta", "Alpha Two"]),
        ("active=false", ["alpha_one"]),
        ("search=ALPHA", ["alpha_one", "Alpha Two"]),
        ("search=two+alpha", ["Alpha Two"]),
        ("search=alpha+zeta", []),
        ("search=%25", ["Zeta 100%"]),
        ("search=_", ["alpha_one"]),
        ("search=%C3%A9COLE", ["École Beta"]),
        ("search=alpha&active=true", ["Alpha Two"]),
        ("ordering=-id", ["Alpha Two", "École Beta", "alpha_one", "Zeta 100%"]),
        ("ordering=-created_at&search=e", ["École Beta", "alpha_one", "Zeta 100%"]),
        ("ordering=created_at,-name&active=false", ["alpha_one"]),
        ("ordering=name&search=a+e&active=true", ["Zeta 100%", "École Beta"]),
    ],
)
def test_filters_and_orders(query: str, found: list[str], several: APIClient) -> None:
    assert names(several.get(f"/clients?{query}".rstrip("?"))) == found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ordering=email", {"ordering": "invalid"}),
        ("ordering=users_count", {"ordering": "invalid"}),
        ("active=yes", {"active": "invalid"}),
        ("search=", {"search": "blank"}),
        ("search=%09", {"search": "invalid"}),
        ("role=regular", {"role": "unknown_parameter"}),
        ("name=x", {"name": "unknown_parameter"}),
        ("include=users", {"include": "invalid"}),
        ("page=0&page_size=101&x", {"page": "invalid", "page_size": "invalid",
                                    "x": "unknown_parameter"}),
    ],
)  # fmt: skip
def test_refuses_what_it_does_not_understand(
    query: str, expected: dict[str, str], as_administrator: APIClient
) -> None:
    assert codes(as_administrator.get(f"/clients?{query}")) == expected


def test_names_the_parameters_there_are(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/clients?nmae=x")

    assert answer.json()["errors"][0]["detail"] == (
        "Unknown parameter. "
        "Those there are: page, page_size, cursor, ordering, active, search, include."
    )


def test_cuts_pages_and_links_them(several: APIClient) -> None:
    answer = several.get("/clients/?page=2&page_size=3&ordering=name")

    assert answer.json()["count"] == 4
    assert answer.json()["next"] is None
    previous = "http://testserver/clients/?page_size=3&ordering=name&page=1"
    assert answer.json()["previous"] == previous
    assert f'<{previous}>; rel="prev"' in answer["Link"]
    assert several.get("/clients?page=3&page_size=3").status_code == 404
