"""Granian's own interface in front of the WSGI application: bodies arrive before a thread is taken.

In plain WSGI a thread waits for the body, and as many slow clients as there are threads stop
everybody else. Here the event loop collects it, at most 1 MiB in at most 10 seconds, or a file to
import (`config.uploads`). A long answer is made whole in a file first: a client that gets it gets
all of it, and one that reads slowly holds neither a thread nor memory. Headers spelt with an
underscore are dropped: in WSGI `X_Forwarded_For` would pass for `X-Forwarded-For`.
"""

import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import IO, Any

from django.db import InterfaceError, OperationalError

from config import metrics
from config.api.errors import CONTENT_TYPE, Busy, Fault, problem_body
from config.api.parsing import MAX_BODY_BYTES
from config.api.peers import network_of
from config.callers import is_of_administrator
from config.draining import is_draining, listen
from config.exports import exporting, is_export
from config.logs import log_answer
from config.middleware import DATA_POLICY, client_address, log, request_id, request_id_of
from config.threads import Apart, Overloaded, Threads
from config.turns import hashes, turns
from config.uploads import (
    BUSY,
    MAX_UPLOAD_BYTES,
    MIN_RATE,
    MOST_AT_ONCE,
    RETRY_SECONDS,
    announced,
    is_upload,
)
from config.wsgi import application
from users.transfer.columns import TOO_LARGE

BODY_SECONDS = 10
OPEN_SECONDS = 60  # in which Granian has long since opened the file that it is to send
TOO_SLOW = "The body did not arrive in time."
SMALL_BODY = 16 * 1024  # holds what any call but an import needs
MOST_LARGE = 64  # larger ones that arrive in a worker: that many MiB
FEW, MORE = 2, 6  # threads of a worker; while some wait for Argon2 or the database, others go on

CUT = "The body ended before its announced length."
BROKEN = "The body cannot be read to its end, or has trailers."
NO_LENGTH = "Send the file with a Content-Length."
NO_METHOD = "Methods are written in upper case."
AWAY = "Try again in a few seconds."
LOGINS = ("/auth/login", "/admin/login")
CLOSE = ("connection", "close")
OVERLOADED = "Too many requests are waiting. Try again in a few seconds."
REFUSAL_CODES = {
    408: "request_timeout",
    413: "payload_too_large",
    500: "error",
    503: "unavailable",
}

Headers = list[tuple[str, str]]
Run = Callable[..., Awaitable[Any]]

threads = Threads(FEW, MORE)
# Probes say how it is, above all where there are more requests than threads or no database.
_alive, _ready = Apart("live"), Apart("ready")
apart = {"/livez": _alive, "/healthz": _alive, "/readyz": _ready, "/metrics": Apart("metrics")}


class Application:
    """One request in, one answer out."""

    uploads = 0  # under way in this worker
    large = 0  # bodies that are arriving

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        listen(loop)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            with metrics.Present(metrics.in_progress):
                await self._answer(scope, protocol)
        except Busy as fault:
            if scope.path.removesuffix("/") in LOGINS:
                metrics.count_login("unavailable")
            refuse(protocol, scope, 503, str(fault.detail), ("retry-after", str(fault.wait)))
        except Overloaded:
            status, headers, body = refused(scope, 503, OVERLOADED)
            # All of it has been read, but for a file: the connection may stay, which is cheaper.
            if not (is_draining() or is_upload(scope)):
                headers.remove(CLOSE)
            protocol.response_bytes(status, [*headers, ("retry-after", "5")], body)
        except (OperationalError, InterfaceError, OSError) as fault:  # a database, or a full disk
            log.error("unavailable: %s", type(fault).__name__)  # no trace each time
            refuse(protocol, scope, 503, AWAY, ("retry-after", "5"))
        except Exception:  # noqa: BLE001 # there is nobody above who would answer
            log.exception("the server has failed")
            refuse(protocol, scope, 500, "Something went wrong on our side.")

    async def _answer(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers.items()
        if scope.method != scope.method.upper():  # in which the application takes it
            refuse(protocol, scope, 400, NO_METHOD)
        elif set(scope.headers.keys()) != {name for name, _ in headers}:
            refuse(protocol, scope, 400, "A header is not in ASCII.")
        elif is_upload(scope) and await threads.run(is_of_administrator, scope):
            await self._take_file(scope, protocol)
        else:
            await self._serve(scope, protocol)

    async def _serve(self, scope: Any, protocol: Any) -> None:
        body, length = b"", ""
        if "content-length" in scope.headers or "transfer-encoding" in scope.headers:
            is_large = "transfer-encoding" in scope.headers or announced(scope.headers) > SMALL_BODY
            if is_large and self.large >= MOST_LARGE:
                refuse(protocol, scope, 503, OVERLOADED, ("retry-after", "5"))
                return
            self.large += is_large
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body, length = await receive(scope.headers, protocol)
            except TimeoutError:
                refuse(protocol, scope, 408, TOO_SLOW)
                return
            finally:
                self.large -= is_large
            if len(body) < int(length or 0) <= MAX_BODY_BYTES:  # it takes no turn from others
                refuse(
                    protocol, scope, 400, BROKEN if "transfer-encoding" in scope.headers else CUT
                )
                return
        environ = environ_of(scope, io.BytesIO(body), length)
        if hashes(scope.method, scope.path, body):
            async with turns.wait(address_of(environ)):
                await answer(environ, protocol, threads.run_slowly)
        elif is_export(scope) and await threads.run(is_of_administrator, scope):
            async with exporting.wait():
                await answer(environ, protocol, threads.run_slowly)
        else:
            await answer(environ, protocol, apart.get(scope.path.rstrip("/"), threads).run)

    async def _take_file(self, scope: Any, protocol: Any) -> None:
        length = announced(scope.headers)
        if "transfer-encoding" in scope.headers:
            # What it would come to is asked before it is taken, not found out after.
            refuse(protocol, scope, 400, NO_LENGTH)
        elif length > MAX_UPLOAD_BYTES:
            refuse(protocol, scope, 413, TOO_LARGE)
        elif self.uploads >= MOST_AT_ONCE:
            refuse(protocol, scope, 503, BUSY, ("retry-after", str(RETRY_SECONDS)))
        else:
            self.uploads += 1
            try:
                with tempfile.TemporaryFile() as file:
                    await receive_file(protocol, file)
                    await answer(environ_of(scope, file, str(length)), protocol, threads.run_slowly)
            except TimeoutError:
                refuse(protocol, scope, 408, TOO_SLOW)
            finally:
                self.uploads -= 1


async def receive_file(protocol: Any, file: IO[bytes]) -> None:
    """Write the body into `file`; one that ends early is shorter than was announced.

    Raises `TimeoutError` for a sender that is slower than `MIN_RATE` but for 10 seconds.
    """
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(BODY_SECONDS) as limit:
        try:
            async for chunk in protocol:
                file.write(chunk)
                limit.reschedule(started + BODY_SECONDS + file.tell() / MIN_RATE)
        except RuntimeError:  # the client has gone
            pass
    file.seek(0)


async def answer(environ: dict[str, Any], protocol: Any, run: Run) -> None:
    """Let the application answer; Granian sends a file as fast as the client takes it."""
    file = await run(respond_to, environ, protocol)
    if file:
        asyncio.get_running_loop().call_later(OPEN_SECONDS, file.close)


def respond_to(environ: dict[str, Any], protocol: Any) -> IO[bytes] | None:
    """Send the application's answer; return the file to close when it is sent, if it is one.

    From the thread that has it: the event loop may have to wait for its turn.
    """
    status, headers, content = respond(environ)
    if is_draining():  # so that nobody sends on a connection that is closed at that moment
        headers.append(CLOSE)
    if isinstance(content, bytes):
        protocol.response_bytes(status, headers, content)
        return None
    protocol.response_file(status, headers, f"/dev/fd/{content.fileno()}")
    return content


async def receive(headers: Any, protocol: Any) -> tuple[bytes, str]:
    """Return the body and its length for the application, which refuses what is over the limit.

    Too long a body is not read on; one that ended early is shorter than the length beside it.
    Granian ends a body with one empty chunk, and with two one that breaks off or has trailers.
    """
    is_chunked = "transfer-encoding" in headers  # wins over a length (RFC 9112, section 6.3)
    announced = "" if is_chunked else headers.get("content-length", "")
    if not announced and not is_chunked:
        return b"", ""
    if announced and int(announced) > MAX_BODY_BYTES:
        return b"", announced
    body, ends = bytearray(), 0
    try:
        async for chunk in protocol:
            body += chunk
            ends += not chunk
            if len(body) > MAX_BODY_BYTES:
                return b"", str(len(body))
    except RuntimeError:  # the client has gone
        ends = 0
    return bytes(body), announced or str(len(body) + (ends != 1))


def environ_of(scope: Any, body: IO[bytes], length: str) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333)."""
    host, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode("utf-8", "replace").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "roster.arrived": time.perf_counter(),
    }
    for name, value in scope.headers.items():
        if "_" in name or name in ("transfer-encoding", "content-length"):
            continue
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        # The same header twice is a list (RFC 9110, section 5.3); two Authorizations match nothing.
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ | ({"CONTENT_LENGTH": length} if length else {})


def address_of(environ: dict[str, Any]) -> str:
    """Return whom to count as one client."""
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR", "")
    return network_of(client_address(environ["REMOTE_ADDR"], forwarded_for))


def respond(environ: dict[str, Any]) -> tuple[int, Headers, bytes | IO[bytes]]:
    """Return the application's answer: short ones as bytes, others as a file to be closed."""
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        started[:] = [(status, headers)]

    made: Any = application(environ, start_response)
    try:
        is_whole = environ["REQUEST_METHOD"] == "HEAD" or is_short(made)
        content = b"".join(made) if is_whole else filled_file(made)
    finally:
        if hasattr(made, "close"):
            made.close()
    status, headers = started[0]
    if not isinstance(content, bytes):
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("content-length", str(content.tell())))
    return int(status[:3]), headers, content


def is_short(made: Any) -> bool:
    """Tell whether an answer is in memory already, or a file of known length that may be."""
    if not getattr(made, "streaming", False):
        return True
    return int(made.headers.get("Content-Length", MAX_BODY_BYTES + 1)) <= MAX_BODY_BYTES


def filled_file(pieces: Iterable[bytes]) -> IO[bytes]:
    """Return a file of these pieces, at its end; what fails in the middle leaves none."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 # closed when it is sent
    try:
        file.writelines(pieces)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def refuse(protocol: Any, scope: Any, status: int, detail: str, *headers: tuple[str, str]) -> None:
    status, common, body = refused(scope, status, detail)
    protocol.response_bytes(status, [*common, *headers], body)


def refused(scope: Any, status: int, detail: str) -> tuple[int, Headers, bytes]:
    """Log and return what the application would, had the request come to it.

    A header with bytes beyond ASCII would not: Granian leaves out the value, and a condition
    (`If-Match`) that is lost is a condition that holds.
    """
    given = request_id_of(scope.headers.get("x-request-id") or "")
    token = request_id.set(given)
    log_answer(log, scope.method, metrics.UNROUTED, status)
    metrics.count_turned_away(scope.method, status)
    request_id.reset(token)
    code = REFUSAL_CODES.get(status, "bad_request")
    faults = [Fault(code, detail)]
    body = problem_body(status, code, detail, given, faults)
    headers = [("content-type", CONTENT_TYPE), ("cache-control", "no-store")]
    headers += [("content-security-policy", DATA_POLICY), ("x-content-type-options", "nosniff")]
    headers += [("x-request-id", given), CLOSE]
    return status, headers, json.dumps(body).encode()


app = Application()
