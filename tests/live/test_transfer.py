"""Files in and out over the running server: large, slow, gone, too many."""

import json
import socket
import time
from contextlib import ExitStack

import pytest

from config.uploads import MOST_AT_ONCE
from tests.live.conftest import Service

pytestmark = pytest.mark.xdist_group("live")

HEADER = "name,email,client_id\n"
LINE = "Somebody Or Other,{0}@bulk.example,{1}\n"


def head(token: str, length: int, path: str = "/users/import?dry_run=true") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: text/csv",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def table(rows: int, client_id: int = 1, pad: str = "") -> bytes:
    lines = (LINE.format(f"user{n}{pad}", client_id) for n in range(rows))
    return (HEADER + "".join(lines)).encode()


def exchange(service: Service, data: bytes) -> tuple[int, bytes]:
    """Send raw bytes; return the status and what follows the headers."""
    with service.connect() as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            if not (chunk := connection.recv(65536)):
                break
            answer += chunk
    return int(answer.split(b" ")[1]), answer.partition(b"\r\n\r\n")[2]


def test_a_file_of_five_mebibytes_is_taken(service: Service, root: str) -> None:
    body = HEADER.encode() + b"%s,,\n" % (b"a" * 4000) * 1310

    status, answer = exchange(service, head(root, len(body)) + body)

    assert len(body) > 5 * 2**20
    assert (status, json.loads(answer)["refused"]) == (200, 1310)


@pytest.mark.parametrize("path", ["/users", "/auth/login", "/admin/login/"])
def test_no_other_call_takes_one(service: Service, root: str, path: str) -> None:
    body = b"a" * 2**21

    with service.connect() as connection:
        connection.sendall(head(root, len(body), path))
        assert connection.recv(65536).split(b" ")[1] in (b"400", b"403", b"413", b"415")


@pytest.mark.parametrize("token", ["", "nobody's"])
def test_nobody_else_may_send_one(service: Service, token: str) -> None:
    with service.connect() as connection:
        connection.sendall(head(token, 2**21))
        assert connection.recv(65536).split(b" ")[1] == b"401"


def test_only_few_may_be_on_their_way(service: Service, root: str) -> None:
    workers = 2
    with ExitStack() as stack:
        connections = [
            stack.enter_context(service.connect()) for _ in range(workers * MOST_AT_ONCE + 1)
        ]
        for connection in connections:
            connection.sendall(head(root, 2**21) + b"name")
        connection = connections[-1]
        started = time.monotonic()
        assert service.call("GET", "/livez").status == 200
        assert time.monotonic() - started < 5
        statuses = {c.recv(65536).split(b" ")[1] for c in connections}
    assert statuses == {b"408", b"503"}


def test_what_is_exported_is_imported_unchanged(service: Service, root: str) -> None:
    client_id = service.create_client(root)
    body = table(2500, client_id)
    status, answer = exchange(service, head(root, len(body), "/users/import") + body)
    assert (status, json.loads(answer)["new"]) == (200, 2500)

    export = service.call("GET", f"/users?client_id={client_id}", token=root, Accept="text/csv")
    assert int(export.headers["Content-Length"]) == len(export.body)
    assert export.body.count(b"\r\n") == 2501
    status, answer = exchange(service, head(root, len(export.body)) + export.body)
    assert json.loads(answer)["unchanged"] == 2500


@pytest.mark.parametrize("end", [b"ZZ\r\n", b""], ids=["malformed", "gone"])
def test_a_chunked_file_that_breaks_off_writes_nothing(
    service: Service, root: str, end: bytes
) -> None:
    client_id = service.create_client(root)
    body = table(20, client_id)
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    chunked = head(root, 0, "/users/import").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    assert b"chunked" in chunked
    with service.connect() as connection:
        connection.sendall(chunked + chunk + end)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    listed = service.call("GET", f"/users?client_id={client_id}", token=root)
    assert listed.json["count"] == 0


def test_who_goes_away_meanwhile_stops_nobody(service: Service, root: str) -> None:
    for _ in range(20):
        with service.connect() as connection:
            request = f"GET /users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {root}\r\n"
            connection.sendall(request.encode() + b"Accept: text/csv\r\n\r\n")
            connection.recv(100)

    assert service.call("GET", "/readyz").status == 200
