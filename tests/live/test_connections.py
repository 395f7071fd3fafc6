"""What clients do to connections: slow, short, endless, twice, gone."""

import json
import resource
import secrets
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from config.rsgi import MOST_LARGE, SMALL_BODY
from tests.live.conftest import PASSWORD, Service

pytestmark = pytest.mark.xdist_group("live")

FILES = 2000
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


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process have as many connections as a test needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard) and hard < FILES:
        pytest.skip(f"this process may open {hard} files")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_slow_clients_keep_nobody_waiting(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(1100):
            connection = stack.enter_context(service.connect())
            connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")
        started = time.monotonic()
        answers = [service.call("GET", path).status for path in ("/livez", "/users/current")]

        assert answers == [200, 401]
        assert time.monotonic() - started < 5


@pytest.mark.usefixtures("many_files")
def test_of_large_bodies_few_may_be_arriving_and_small_ones_go_on(service: Service) -> None:
    workers = 2
    with ExitStack() as stack:
        for _ in range(3 * workers * MOST_LARGE):
            connection = stack.enter_context(service.connect())
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n{" % (SMALL_BODY + 1))
            connection.settimeout(5)
        refused = select.poll()
        refused.register(connection, select.POLLIN)
        assert refused.poll(5000)
        answer = connection.recv(65536)
        small = service.call("POST", "/auth/login", {"email": "a@example.com", "password": "x"})

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in answer
    assert b"connection: close\r\n" in answer
    assert small.status == 401


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"Content-Length: 1048577\r\n\r\n{", b"413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 17, b"413"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (HEAD.replace(b"POST", b"post") + b"Content-Length: 2\r\n\r\n{}", b"400"),
        (b"get /users/current HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (HEAD + b"Content-Length: -1\r\n\r\n{}", b"400"),
        (b"GET /users/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nIf-Match: \"\xe9\"\r\n\r\n", b"400"),
        (b"GET /users?search=\xd0\x96 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"401"),
        (HEAD.replace(b"n/json", b"n/json; x*=foo''%41") + b"Content-Length: 2\r\n\r\n{}", b"415"),
        (HEAD.replace(b"n/json", b"n/json; charset*=u''%00") + b"Content-Length: 2\r\n\r\n{}",
         b"415"),
        (b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 16384), b"404"),
    ],
    ids=["long", "chunked", "chunked-long", "bad-chunk", "lower-case",
         "lower-case-get", "two-lengths", "negative",
         "bad-path", "bad-host", "lost-header", "raw-query", "bad-parameter", "bad-charset",
         "long-path"],
)  # fmt: skip
def test_odd_requests_are_refused(service: Service, data: bytes, status: bytes) -> None:
    assert send(service, data).split(b" ")[1] == status


@pytest.mark.parametrize(
    "body",
    [b"%x\r\n%b\r\n", b"%x\r\n%b\r\nzz\r\n", b"%x\r\n%b\r\n0\r\nX: y\r\n\r\n", b"1%x\r\n%b"],
    ids=["no-end", "garbage", "trailers", "cut-chunk"],
)
def test_a_body_in_chunks_that_breaks_off_changes_nothing(service: Service, body: bytes) -> None:
    token = service.log_in()["access"]
    user = service.create_user(token, client_id=service.create_client(token))
    path, name = f"/users/{user['id']}", b'{"name": "Other"}'
    head = (
        f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()

    with service.connect() as connection:
        connection.sendall(head + body % (len(name), name))
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 400 ") or not answer  # the server may hang up, too
    assert service.call("GET", path, token=token).json["name"] == user["name"]


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
    client = service.create_client(root)
    head = HEAD.replace(b"/auth/login", b"/users") + b"Authorization: Bearer %b\r\n" % root.encode()
    emails = [f"{secrets.token_hex(6)}@example.com" for _ in range(3)]
    for email, share in zip(emails, (0.1, 0.9, 1), strict=True):
        fields = {"name": "Gone", "email": email, "password": PASSWORD, "client_id": client}
        body = json.dumps(fields).encode()
        with service.connect() as connection:
            sent = body[: int(len(body) * share)]
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + sent)
            for _ in range(4):  # or it may be gone before either worker has looked at it
                service.call("GET", "/livez")

    def found(email: str) -> list[str]:
        users = service.call("GET", f"/users?email={email}", token=root).json["results"]
        return [user["name"] for user in users]

    deadline = time.monotonic() + 10  # the whole request goes on without its client
    while not found(emails[2]) and time.monotonic() < deadline:
        pass
    assert [found(email) for email in emails] == [[], [], ["Gone"]]


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
