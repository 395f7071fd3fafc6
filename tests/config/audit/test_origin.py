"""Where an act comes from: told by each request, forgotten with it."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config import environment
from config.audit.origin import Door, Origin, current_origin
from config.middleware import OriginMiddleware, TrustedProxyMiddleware
from tests.conftest import Login
from tests.trail import events
from users.models import User


def origin_of(path: str = "/users", **meta: Any) -> Origin:
    """Return what a view sees that is reached with these variables."""
    seen: list[Origin] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_origin())
        return HttpResponse()

    request = RequestFactory().get(path, **{"REQUEST_ID": "r-1", **meta})
    TrustedProxyMiddleware(OriginMiddleware(view))(request)
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "address"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8::7", "2001:db8::7"), ("fe80::1%eth0", "fe80::1"),
     ("", ""), ("unix:", "")],
)  # fmt: skip
def test_the_address_is_the_peers_or_none(peer: str, address: str) -> None:
    assert origin_of(REMOTE_ADDR=peer) == Origin(Door.API, address, "r-1")


def test_the_address_behind_a_proxy_of_ours_is_the_clients(settings: Any) -> None:
    settings.TRUSTED_PROXIES = environment.networks("10.0.0.0/8")
    forwarded = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.9"}

    assert origin_of(**forwarded).address == "203.0.113.9"
    assert origin_of(**{**forwarded, "REMOTE_ADDR": "192.0.2.1"}).address == "192.0.2.1"


@pytest.mark.parametrize(("path", "door"), [("/users", "api"), ("/admin/", "admin"),
                                            ("/invitation/x", "page")])  # fmt: skip
def test_the_door_is_told_by_the_path(path: str, door: str) -> None:
    assert origin_of(path).door == door


def test_nothing_of_a_request_is_left_behind() -> None:
    origin_of()

    def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        OriginMiddleware(fail)(RequestFactory().get("/", REQUEST_ID="r-2"))

    assert current_origin() == Origin()


def test_the_id_is_the_one_of_the_answer(regular: User, login: Login) -> None:
    login(regular)
    answer = login(regular).post("/auth/logout")

    assert events()[-1]["request_id"] == answer["X-Request-ID"]
    assert len({row["request_id"] for row in events()}) == 3
