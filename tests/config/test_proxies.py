"""X-Forwarded-For and -Proto: believed of trusted peers, hearsay of all others."""

import ipaddress
from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from tests.factories import PASSWORD, UserFactory
from users.models import Session, User

PROXY = "10.0.0.5"
PEER = "203.0.113.9"


@pytest.fixture
def behind_proxies(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = [
        ipaddress.ip_network(name) for name in ("10.0.0.0/8", "fd00::/8", "192.0.2.1")
    ]


@pytest.fixture
def user(db: None) -> User:
    return UserFactory(email="u@example.com")


def address_noted(peer: str, forwarded: str | None, **variables: Any) -> str | None:
    """Log in from `peer` and return the address that the session has."""
    if forwarded is not None:
        variables["HTTP_X_FORWARDED_FOR"] = forwarded
    body = {"email": "u@example.com", "password": PASSWORD}
    answer = APIClient().post("/auth/login", body, REMOTE_ADDR=peer, **variables)
    assert answer.status_code == 200, answer.content
    address: str | None = Session.objects.latest("id").address
    return address


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("peer", "forwarded", "noted"),
    [
        (PEER, None, PEER),
        (PEER, "198.51.100.7", PEER),  # not a proxy of ours: hearsay
        (PEER, "10.0.0.5", PEER),
        (PROXY, None, PROXY),
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "1.2.3.4, 198.51.100.7", "198.51.100.7"),  # what stands left is the client's word
        (PROXY, "127.0.0.1, 198.51.100.7", "198.51.100.7"),
        (PROXY, "198.51.100.7, 10.9.9.9", "198.51.100.7"),  # two proxies
        (PROXY, "1.2.3.4, 198.51.100.7, 10.9.9.9,192.0.2.1", "198.51.100.7"),
        (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),  # somebody inside
        (PROXY, " 198.51.100.7 ", "198.51.100.7"),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        ("fd00::1", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.1", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.2", "198.51.100.7", "192.0.2.2"),
    ],
)
def test_the_right_most_stranger_is_the_client(
    peer: str, forwarded: str | None, noted: str, user: User
) -> None:
    assert address_noted(peer, forwarded) == noted


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    "forwarded",
    ["", ",", " , ,", "garbage", "unknown", "_hidden", "198.51.100.7:1234", "[2001:db8::7]:80",
     "198.51.100.07", "198.51.100", "999.1.1.1", "1", "198.51.100.7, garbage", "0x7f.1", "٣.1.1.1",
     "fe80::1%eth0", "fe80::1%" + "x" * 5000, "1.2.3.4, fe80::1%'; DROP TABLE sessions; --",
     "::ffff:10.0.0.5%x", "x" * 100_000, "," * 50_000, "198.51.100.7\x00", "198.51.100.7 1.2.3.4",
     "198.51.100.7;1.2.3.4", "10.0.0.0/8", "<script>"],
)  # fmt: skip
def test_malformed_value_is_not_believed_and_breaks_nothing(forwarded: str, user: User) -> None:
    assert address_noted(PROXY, forwarded) == PROXY


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    "header",
    ["X_REAL_IP", "FORWARDED", "CLIENT_IP", "X_CLIENT_IP", "TRUE_CLIENT_IP", "CF_CONNECTING_IP"],
)
def test_no_other_header_is_looked_at(header: str, user: User) -> None:
    variables = {f"HTTP_{header}": "198.51.100.7"}

    assert address_noted(PROXY, None, **variables) == PROXY


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.5", "::1"])
def test_nobody_is_trusted_unless_configured(peer: str, user: User) -> None:
    assert address_noted(peer, "198.51.100.7") == peer


def test_no_peer_address_is_no_address(user: User, settings: LazySettings) -> None:
    """As behind a socket file."""
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("0.0.0.0/0")]

    assert address_noted("", "198.51.100.7") is None


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [(PROXY, "https", "https"), (PROXY, "http", "http"), (PROXY, "", "http"),
     (PROXY, "HTTPS", "http"), (PROXY, "https, http", "http"), (PROXY, "javascript", "http"),
     (PEER, "https", "http")],
)  # fmt: skip
def test_scheme_is_believed_of_proxies_alone(
    peer: str, proto: str, scheme: str, as_administrator: APIClient
) -> None:
    variables: dict[str, Any] = {
        "REMOTE_ADDR": peer,
        "HTTP_X_FORWARDED_PROTO": proto,
        "HTTP_HOST": "testserver",
    }

    answer = as_administrator.get("/users", **variables)

    assert answer["Link"].startswith(f"<{scheme}://testserver/users?")
    year = "max-age=31536000" if scheme == "https" else None
    assert answer.headers.get("Strict-Transport-Security") == year


def test_refused_login_notes_nothing(user: User) -> None:
    body = {"email": "u@example.com", "password": "wrong"}
    answer = APIClient().post("/auth/login", body, HTTP_X_FORWARDED_FOR="x")

    assert answer.status_code == 401
    assert not Session.objects.exists()
