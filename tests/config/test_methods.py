"""Methods: what is not offered is 405 with `Allow`, for everybody and before all else."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import as_row
from tests.sending import send
from users.models import User

OFFERED = {
    "/users": "GET HEAD POST",
    "/users/current": "GET HEAD",
    "/users/{user}": "GET HEAD PATCH PUT",
    "/users/4611686018427387904": "GET HEAD PATCH PUT",
    "/clients": "GET HEAD POST",
    "/clients/{client}": "GET HEAD PATCH PUT",
    "/auth/login": "POST",
    "/auth/refresh": "POST",
    "/auth/logout": "POST",
    "/auth/sessions": "DELETE GET HEAD",
    "/auth/sessions/4611686018427387904": "DELETE",
    "/users/{user}/sessions": "DELETE GET HEAD",
    "/users/4611686018427387904/sessions": "DELETE GET HEAD",
    "/.well-known/jwks.json": "GET HEAD",
    "/audit-events": "GET HEAD",
    "/livez": "GET HEAD",
    "/healthz": "GET HEAD",
    "/readyz": "GET HEAD",
    "/": "GET HEAD",
}
METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT PROPFIND FOO"
REFUSED = [
    (method, path)
    for path, offered in OFFERED.items()
    for method in METHODS.split()
    if method not in offered.split()
]


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_refuses_what_is_not_offered(
    method: str, path: str, anonymous: APIClient, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)
    target = path.format(user=regular.pk, client=regular.client_id)
    slashed = f"{target.rstrip('/')}/"
    for client in (anonymous, as_regular):
        for address in (target, slashed):
            answer = send(client, method, f"{address}?x=1", "{", content_type="text/x")

            assert answer.status_code == 405
            assert sorted(answer["Allow"].split(", ")) == OFFERED[path].split()
            if method != "HEAD":
                assert answer.json()["code"] == "method_not_allowed"
    assert as_row(regular) == before


@pytest.mark.parametrize(
    "path", ["/users", "/users/current", "/users/{user}", "/users/{user}/sessions",
             "/auth/sessions", "/clients", "/", "/livez", "/.well-known/jwks.json"]
)  # fmt: skip
def test_head_is_get_without_body(path: str, as_administrator: APIClient, regular: User) -> None:
    address = path.format(user=regular.pk)
    got: Any = as_administrator.get(address)

    answer: Any = as_administrator.head(address)

    assert answer.status_code == 200
    assert answer.content == b""
    different = {"X-Request-ID"}
    assert {k: v for k, v in answer.headers.items() if k not in different} == {
        k: v for k, v in got.headers.items() if k not in different
    }


def test_head_has_the_rights_of_get(
    anonymous: APIClient, as_regular: APIClient, stranger: User
) -> None:
    assert anonymous.head("/users").status_code == 401
    assert as_regular.head("/users").status_code == 403
    assert as_regular.head(f"/users/{stranger.pk}").status_code == 403
    assert as_regular.head(f"/users/{stranger.pk}/sessions").status_code == 403
    assert as_regular.head("/users/01").status_code == 404


def test_long_method_is_not_echoed_whole(anonymous: APIClient) -> None:
    answer = send(anonymous, "F" * 10_000, "/users")

    assert answer.status_code == 405
    assert len(answer.json()["detail"]) == 200


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_method_is_not_overridden(header: str, as_administrator: APIClient, regular: User) -> None:
    before = as_row(regular)

    answer = as_administrator.get(f"/users/{regular.pk}?", headers={header: "DELETE"})
    other = as_administrator.post("/users", {"_method": "DELETE"}, headers={header: "DELETE"})

    assert (answer.status_code, other.status_code) == (200, 400)
    assert as_row(regular) == before
