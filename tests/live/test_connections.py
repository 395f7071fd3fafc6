"""What clients do to connections: slow, short, endless, twice, gone."""

import json
import secrets
import socket
import time

import pytest

from tests.live.conftest import PASSWORD, Service

pytestmark = pytest.mark.xdist_group("live")

HEAD = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNK = b"10000\r\n%b\r\n" % (b" " * 65536)


def send(service: Service, data: bytes) -> bytes:
    """Send raw bytes and return the answer up to its body's end."""
    with service.connect() as connection:
        connection.sendall(data)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            head, _, body = answer.partition(b"\r\n\r\n")
            if body.endswith(b"}") or b"content-length: 0" in head.lower():
                break
        return answer


def test_slow_bodies_are_refused_and_stop_nobody_else(service: Service) -> None:
    connections = [service.connect() for _ in range(100)]
    for connection in connections:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")

    started = time.monotonic()
    assert service.call("GET", "/readyz").status == 200
    assert time.monotonic() - started < 5
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
        connection.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"Content-Length: 1048577\r\n\r\n{", b"413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 17, b"413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (HEAD + b"Content-Length: -1\r\n\r\n{}", b"400"),
        (b"GET /users/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 16384), b"404"),
    ],
    ids=["long", "chunked", "chunked-long", "bad-chunk", "two-lengths", "negative",
         "bad-path", "bad-host", "long-path"],
)  # fmt: skip
def test_odd_requests_are_refused(service: Service, data: bytes, status: bytes) -> None:
    assert send(service, data).split(b" ")[1] == status


def test_a_body_that_ends_early_is_refused(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 400 ") or not answer  # the server may hang up, too
    assert service.call("GET", "/livez").status == 200


def test_a_chunked_body_is_read(service: Service) -> None:
    body = json.dumps({"email": "root@example.com", "password": PASSWORD}).encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    answer = send(service, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_away_leaves_all_or_nothing(service: Service, root: str) -> None:
    email = f"{secrets.token_hex(6)}@example.com"
    fields = {"name": "Gone", "email": email, "password": PASSWORD}
    body = json.dumps({**fields, "client_id": service.create_client(root)}).encode()
    head = HEAD.replace(b"/auth/login", b"/users") + b"Authorization: Bearer %b\r\n" % root.encode()
    for cut in (1, len(body) // 2, len(body)):
        with service.connect() as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:cut])

    found = service.call("GET", f"/users?email={email}", token=root).json

    assert found["count"] in (0, 1)
    for user in found["results"]:
        assert (user["name"], user["email"]) == ("Gone", email)


def test_two_authorization_headers_are_none(service: Service, root: str) -> None:
    header = b"Authorization: Bearer %b\r\n" % root.encode()
    start = b"GET /users/current HTTP/1.1\r\nHost: localhost\r\n"

    assert send(service, start + header + b"\r\n").startswith(b"HTTP/1.1 200 ")
    assert send(service, start + header * 2 + b"\r\n").startswith(b"HTTP/1.1 401 ")


def test_headers_spelt_with_an_underscore_are_dropped(service: Service, root: str) -> None:
    header = b"Authorization: Bearer %b\r\nX_Request_ID: twin\r\n" % root.encode()

    answer = send(service, b"GET /users/current HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % header)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"twin" not in answer
