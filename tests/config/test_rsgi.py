"""The bridge between the server's event loop and the application."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from threading import Event, Semaphore
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.http import StreamingHttpResponse
from django.test import Client

from config import rsgi
from config.api.parsing import MAX_BODY_BYTES
from config.callers import is_of_administrator
from config.exports import AT_ONCE, Exporting, is_export
from config.threads import Threads
from config.turns import Turns
from config.uploads import MOST_AT_ONCE, is_upload
from tests.conftest import Login
from tests.factories import PASSWORD
from users.models import User


class Headers:
    """What Granian gives: names in lower case, the same name several times."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = list(pairs)

    def __contains__(self, name: str) -> bool:
        return name in dict(self.pairs)

    def keys(self) -> list[str]:
        return [name for name, _ in self.pairs]

    def get(self, name: str, default: str = "") -> str:
        return dict(self.pairs).get(name, default)

    def items(self) -> list[tuple[str, str]]:
        return self.pairs


class Connection:
    """A client that sends these chunks, then stops, breaks, goes away or waits for ever."""

    def __init__(self, *chunks: bytes, then: str = "stop") -> None:
        self.chunks, self.then = chunks, then
        self.answer: tuple[int, list[tuple[str, str]], bytes] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.then == "go":
            raise RuntimeError("protocol closed")
        if self.then == "wait":
            await asyncio.Event().wait()
        yield b""
        if self.then == "break":
            yield b""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = status, headers, body


def scope(method: str, path: str, *headers: tuple[str, str]) -> Any:
    return SimpleNamespace(
        method=method,
        path=path,
        query_string="",
        server="127.0.0.1:8000",
        client="[::1]:5000",
        http_version="1.1",
        scheme="http",
        headers=Headers(("host", "localhost"), *headers),
    )


def serve(request: Any, connection: Connection) -> tuple[int, dict[str, str], bytes]:
    asyncio.run(rsgi.app.__rsgi__(request, connection))
    assert connection.answer is not None
    status, headers, body = connection.answer
    return status, {name.lower(): value for name, value in headers}, body


LENGTH = ("content-length", "4")
CHUNKED = ("transfer-encoding", "chunked")
LONG = ("content-length", str(MAX_BODY_BYTES + 1))


@pytest.mark.parametrize(
    ("headers", "connection", "expected"),
    [
        ([], Connection(b"more"), (b"", "")),
        ([LENGTH], Connection(b"{}", b"  "), (b"{}  ", "4")),
        ([CHUNKED], Connection(b"{}"), (b"{}", "2")),
        ([LENGTH, CHUNKED], Connection(b"{}"), (b"{}", "2")),
        ([LENGTH], Connection(b"{", then="go"), (b"{", "4")),
        ([CHUNKED], Connection(b"{}", then="go"), (b"{}", "3")),
        ([CHUNKED], Connection(b"{}", then="break"), (b"{}", "3")),
        ([CHUNKED], Connection(then="break"), (b"", "1")),
        ([("content-length", str(MAX_BODY_BYTES + 1))], Connection(), (b"", "1048577")),
        ([CHUNKED], Connection(b" " * MAX_BODY_BYTES, b" ", then="wait"), (b"", "1048577")),
    ],
    ids=[
        "none",
        "whole",
        "chunked",
        "both",
        "gone",
        "chunked-gone",
        "chunked-broken",
        "chunked-empty",
        "announced-long",
        "chunked-long",
    ],
)
def test_collects_the_body_and_its_length(
    headers: list[tuple[str, str]], connection: Connection, expected: tuple[bytes, str]
) -> None:
    assert asyncio.run(rsgi.receive(Headers(*headers), connection)) == expected


@pytest.mark.parametrize("then", ["go", "stop"])
def test_a_body_that_ended_early_takes_a_turn_from_nobody(
    then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsgi, "turns", Turns(0, most_waiting=0))
    monkeypatch.setattr(rsgi, "respond", None)

    status, headers, body = serve(scope("POST", "/auth/login", LENGTH), Connection(b"{", then=then))

    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["detail"] == "The body ended before its announced length."


@pytest.mark.parametrize("method", ["post", "Post", "get", "head", "pUT", "foo"])
def test_a_method_is_what_it_is_letter_by_letter(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application takes `post` for POST: no limit here would know it."""
    monkeypatch.setattr(rsgi, "respond", None)

    status, _, body = serve(scope(method, "/auth/login", LENGTH), Connection(b"{}  "))

    assert status == 400
    assert json.loads(body)["detail"] == "Methods are written in upper case."


@pytest.mark.parametrize("connection", [Connection(b"{}", then="break"), Connection(then="go")])
def test_a_body_that_breaks_off_is_not_taken_for_whole(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsgi, "respond", None)

    status, _, body = serve(scope("PUT", "/users/7", CHUNKED), connection)

    assert status == 400
    assert json.loads(body)["detail"] == "The body cannot be read to its end, or has trailers."


def test_answers_408_to_a_body_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(rsgi, "BODY_SECONDS", 0.05)

    status, headers, body = serve(
        scope("POST", "/auth/login", LENGTH), Connection(b"{", then="wait")
    )

    assert status == 408
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "request_timeout"


def test_passes_the_request_on_and_the_answer_back() -> None:
    status, headers, body = serve(scope("GET", "/livez"), Connection())

    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert headers["content-type"] == "application/json"


def test_tells_the_application_who_asks_for_what() -> None:
    request = scope("GET", "/é", ("x-a", "1"), ("x-a", "2"), ("x_b", "3"), ("content-type", "t/t"))

    environ = rsgi.environ_of(request, io.BytesIO(b"{}"), "2")

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/é"
    assert environ["REMOTE_ADDR"] == "::1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")
    assert environ["HTTP_X_A"] == "1,2"
    assert "HTTP_X_B" not in environ
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("t/t", "2")
    assert environ["wsgi.input"].read() == b"{}"


def test_refuses_a_header_that_would_get_lost() -> None:
    request = scope("PUT", "/users/1", ("if-match", '"a"'))
    request.headers.keys = lambda: ["host", "if-match", "if-none-match"]

    status, headers, body = serve(request, Connection())

    assert status == 400
    assert json.loads(body)["errors"] == [
        {"pointer": "#", "code": "bad_request", "detail": "A header is not in ASCII."}
    ]
    assert headers["x-request-id"] == json.loads(body)["request_id"]


def test_passes_on_a_query_beyond_ascii() -> None:
    request = scope("GET", "/users")
    request.query_string = "search=Ж"

    environ = rsgi.environ_of(request, io.BytesIO(), "")

    assert environ["QUERY_STRING"].encode("latin-1").decode() == "search=Ж"


def reached(pieces: Iterator[bytes], headers: dict[str, str] | None = None) -> Any:
    """Return what `respond` makes of an answer that the application gives in pieces."""
    made = StreamingHttpResponse(pieces, headers=headers)

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(made.items()))
        return made

    return made, application


def answered(application: Any, monkeypatch: pytest.MonkeyPatch, method: str = "GET") -> Any:
    monkeypatch.setattr(rsgi, "application", application)
    return rsgi.respond({"REQUEST_METHOD": method})


@pytest.mark.django_db
def test_makes_a_long_answer_whole_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    made, application = reached(iter([b"ab", b"c"]))

    _, headers, file = answered(application, monkeypatch)

    assert (file.tell(), file.seek(0), file.read()) == (3, 0, b"abc")
    assert ("content-length", "3") in headers
    assert made.closed
    file.close()


@pytest.mark.django_db
def test_sends_no_part_of_an_answer_that_fails_in_the_middle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        raise OperationalError

    made, application = reached(pieces())
    monkeypatch.setattr(rsgi, "application", application)

    status, headers, body = serve(scope("GET", "/users"), Connection())

    assert (status, json.loads(body)["code"]) == (503, "unavailable")
    assert headers["retry-after"]
    assert made.closed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", {}), ("GET", {"Content-Length": "3"})],
    ids=["head", "short-file"],
)
def test_makes_no_file_of_what_is_short(
    method: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, application = reached(iter([b"abc"]), headers)

    assert answered(application, monkeypatch, method)[2] == b"abc"


@pytest.mark.parametrize("fault", [OperationalError, OSError, KeyError])
def test_answers_where_the_server_itself_fails(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> Any:
        raise fault

    monkeypatch.setattr(rsgi, "is_of_administrator", fail)

    status, headers, body = serve(upload(LONG), Connection(b"a"))

    assert status == (500 if fault is KeyError else 503)
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (Connection(b"{}", b"  "), b"{}  "),
        (Connection(b"{", then="go"), b"{"),
    ],
    ids=["whole", "gone"],
)
def test_takes_a_file(connection: Connection, expected: bytes) -> None:
    file = io.BytesIO()

    asyncio.run(rsgi.receive_file(connection, file))

    assert file.read() == expected


def upload(*headers: tuple[str, str]) -> Any:
    return scope("POST", "/users/import", ("content-type", "text/csv"), *headers)


@pytest.fixture
def by_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi, "is_of_administrator", lambda _: True)


@pytest.mark.usefixtures("by_administrator")
def test_a_file_that_does_not_come_is_408_and_gives_up_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rsgi, "BODY_SECONDS", 0.05)

    status, _, body = serve(upload(LONG), Connection(b"a", then="wait"))

    assert (status, json.loads(body)["code"]) == (408, "request_timeout")
    assert rsgi.app.uploads == 0


@pytest.mark.usefixtures("by_administrator")
def test_refuses_more_files_than_it_has_places_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi.app, "uploads", MOST_AT_ONCE)

    status, headers, body = serve(upload(LONG), Connection(b"a"))

    assert (status, json.loads(body)["code"]) == (503, "unavailable")
    assert int(headers["retry-after"]) > 0


@pytest.mark.usefixtures("by_administrator")
@pytest.mark.parametrize(
    ("header", "expected"),
    [(CHUNKED, (400, "bad_request")), (("content-length", "99999999"), (413, "payload_too_large"))],
    ids=["chunked", "too-long"],
)
def test_reads_no_file_whose_end_it_cannot_tell_or_that_is_too_long(
    header: tuple[str, str], expected: tuple[int, str]
) -> None:
    status, _, body = serve(upload(header), Connection(b"a", then="wait"))

    assert (status, json.loads(body)["code"]) == expected


@pytest.mark.parametrize(
    ("method", "path", "header", "expected"),
    [
        ("POST", "/users/import", CHUNKED, True),
        ("POST", "/users/import/", ("content-length", "1048577"), True),
        ("POST", "/admin/users/import/add/", CHUNKED, True),
        ("POST", "/users/import", ("content-length", "1048576"), False),
        ("PUT", "/users/import", CHUNKED, False),
        ("POST", "/users", CHUNKED, False),
        ("POST", "/users/import//", CHUNKED, False),
    ],
)
def test_knows_what_may_be_large(
    method: str, path: str, header: tuple[str, str], expected: bool
) -> None:
    assert is_upload(scope(method, path, header)) is expected


@pytest.mark.django_db(transaction=True)  # it gives its connection back
@pytest.mark.parametrize(("caller", "expected"), [("administrator", True), ("regular", False)])
def test_only_administrators_may_send_files(
    caller: str, expected: bool, request: pytest.FixtureRequest, login: Login
) -> None:
    token = login(request.getfixturevalue(caller)).tokens["access"]  # type: ignore[attr-defined] # see the fixture

    assert is_of_administrator(upload(("authorization", f"Bearer {token}"))) is expected
    assert not is_of_administrator(upload(("authorization", "Bearer x")))
    assert not is_of_administrator(upload())


@pytest.mark.django_db(transaction=True)
def test_operators_may_send_files_by_their_cookie(administrator: User, client: Client) -> None:
    client.post("/admin/login/", {"username": administrator.email, "password": PASSWORD})
    cookie = client.cookies["roster_admin"].value
    path = "/admin/users/import/add/"

    assert is_of_administrator(scope("POST", path, ("cookie", f"a=b; roster_admin={cookie}")))
    for other in ("roster_admin=x", "a=b", "", f"roster_admin={cookie}x"):
        assert not is_of_administrator(scope("POST", path, ("cookie", other)))


CSV = ("accept", "text/csv")


@pytest.mark.usefixtures("by_administrator")
def test_exports_are_few_at_once_and_leave_the_few_threads_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_free, under_way = Event(), Semaphore(0)

    def export(environ: dict[str, Any]) -> tuple[int, rsgi.Headers, bytes]:
        if environ.get("HTTP_ACCEPT"):
            under_way.release()
            assert is_free.wait(30)
        return 200, [], b""

    monkeypatch.setattr(rsgi, "respond", export)
    turns = Turns(AT_ONCE, most_waiting=1, fault=Exporting, is_hashing=False)
    monkeypatch.setattr(rsgi, "exporting", turns)
    asked = [Connection() for _ in range(AT_ONCE + 1)]
    one_more, other = Connection(), Connection()

    async def ask() -> int:
        going = [asyncio.create_task(rsgi.app.__rsgi__(scope("GET", "/users", CSV), one))
                 for one in asked]  # fmt: skip
        for _ in range(AT_ONCE):
            while not under_way.acquire(blocking=False):
                await asyncio.sleep(0)
        await rsgi.app.__rsgi__(scope("GET", "/users", CSV), one_more)
        await rsgi.app.__rsgi__(scope("GET", "/users"), other)
        too_soon = under_way.acquire(blocking=False)
        is_free.set()
        await asyncio.gather(*going)
        return too_soon

    assert not asyncio.run(ask())
    assert one_more.answer is not None
    status, headers, _ = one_more.answer
    assert (status, dict(headers)["retry-after"]) == (503, "60")
    assert [one.answer and one.answer[0] for one in (*asked, other)] == [200] * 4


@pytest.mark.parametrize("token", [(), (("authorization", "Bearer x"),)])
def test_who_may_not_export_takes_no_turn_from_who_may(
    token: tuple[tuple[str, str], ...], db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsgi, "exporting", Turns(0, most_waiting=0, fault=Exporting))
    monkeypatch.setattr(rsgi, "is_of_administrator", is_of_administrator)
    monkeypatch.setattr(rsgi, "respond", lambda _: (401, [], b""))

    assert serve(scope("GET", "/users", CSV, *token), Connection())[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "accept", "expected"),
    [
        ("GET", "/users", "text/csv", True),
        ("GET", "/users/", "application/json;q=0.1, Text/CSV", True),
        ("GET", "/users", "text/*", True),
        ("GET", "/users", "*/*", False),
        ("GET", "/users", "application/json", False),
        ("GET", "/users/7", "text/csv", False),
        ("HEAD", "/users", "text/csv", False),
        ("GET", "/admin/users/user/export.csv", "text/html", True),
        ("GET", "/admin/users/user/export.xlsx", "text/html", True),
        ("GET", "/admin/users/user/", "text/csv", False),
    ],
)
def test_exports_are_known_by_their_head(
    method: str, path: str, accept: str, *, expected: bool
) -> None:
    header, other = ("accept", accept), ("accept", "application/xml")
    assert is_export(scope(method, path, header)) is expected
    assert is_export(scope(method, path, other, header)) is expected
    assert is_export(scope(method, path, header, other)) is expected


def overloaded(
    monkeypatch: pytest.MonkeyPatch, *scopes: Any
) -> list[tuple[int, dict[str, str], bytes]]:
    """Return the answers of a worker none of whose threads gets free."""
    full, is_free = Threads(1, 1, patience=0), Event()
    monkeypatch.setattr(rsgi, "threads", full)
    connections = [Connection() for _ in scopes]

    async def overload() -> None:
        stuck = [asyncio.create_task(full.run(is_free.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.05)  # both have begun
        pairs = zip(scopes, connections, strict=True)
        await asyncio.gather(*(rsgi.app.__rsgi__(*pair) for pair in pairs))
        is_free.set()
        await asyncio.gather(*stuck)

    asyncio.run(overload())
    answers = [one.answer for one in connections if one.answer]
    return [(status, dict(headers), body) for status, headers, body in answers]


def test_answers_503_to_what_cannot_begin_and_probes_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alive, refused = overloaded(monkeypatch, scope("GET", "/livez"), scope("GET", "/users"))

    assert alive[0] == 200
    status, headers, body = refused
    assert (status, headers["retry-after"]) == (503, "5")
    assert json.loads(body)["code"] == "unavailable"


def test_keeps_the_connection_of_who_cannot_be_served_unless_it_is_of_no_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file has not been read, and a server that stops takes no more on any connection."""
    upload = scope("POST", "/users/import", ("content-length", str(MAX_BODY_BYTES + 1)))
    read, unread = overloaded(monkeypatch, scope("GET", "/users"), upload)
    monkeypatch.setattr(rsgi, "is_draining", lambda: True)
    (last,) = overloaded(monkeypatch, scope("GET", "/users"))

    assert {read[0], unread[0], last[0]} == {503}
    assert "connection" not in read[1]
    assert unread[1]["connection"] == last[1]["connection"] == "close"
