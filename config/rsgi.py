"""Granian's own interface in front of the WSGI application: bodies arrive before a thread is taken.

In plain WSGI a thread waits for the body, and as many slow clients as there are threads stop
everybody else. Here the event loop collects it, at most 1 MiB in at most 10 seconds, or a file to
import (`config.uploads`); and it sends long answers piece by piece, as the client takes them.
Headers spelt with an underscore are dropped: in WSGI `X_Forwarded_For` would pass for
`X-Forwarded-For`.
"""

import asyncio
import io
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from django.http import HttpResponseBase

from config.api.errors import CONTENT_TYPE, Fault, problem_body
from config.api.parsing import MAX_BODY_BYTES
from config.middleware import DATA_POLICY, log, request_id, request_id_of
from config.uploads import (
    BUSY,
    MAX_UPLOAD_BYTES,
    MIN_RATE,
    MOST_AT_ONCE,
    RETRY_SECONDS,
    announced,
    is_upload,
    may_upload,
)
from config.wsgi import application

BODY_SECONDS = 10
SEND_SECONDS = 60  # for one piece of a long answer
TOO_SLOW = "The body did not arrive in time."
THREADS = 8  # a worker; while one waits for Argon2 or the database, the others go on

REFUSAL_CODES = {408: "request_timeout", 503: "unavailable"}

Headers = list[tuple[str, str]]

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")


class Application:
    """One request in, one answer out."""

    uploads = 0  # under way in this worker

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if set(scope.headers.keys()) != {name for name, _ in scope.headers.items()}:
            protocol.response_bytes(*refused(scope, 400, "A header is not in ASCII."))
        elif is_upload(scope) and await in_thread(may_upload, scope):
            await self._take_file(scope, protocol)
        else:
            await self._serve(scope, protocol)

    async def _serve(self, scope: Any, protocol: Any) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body, length = await receive(scope.headers, protocol)
        except TimeoutError:
            protocol.response_bytes(*refused(scope, 408, TOO_SLOW))
            return
        await answer(environ_of(scope, io.BytesIO(body), length), protocol)

    async def _take_file(self, scope: Any, protocol: Any) -> None:
        if self.uploads >= MOST_AT_ONCE:
            status, headers, body = refused(scope, 503, BUSY)
            headers.append(("retry-after", str(RETRY_SECONDS)))
            protocol.response_bytes(status, headers, body)
            return
        self.uploads += 1
        try:
            with tempfile.TemporaryFile() as file:
                length = await receive_file(scope.headers, protocol, file)
                await answer(environ_of(scope, file, length), protocol)
        except TimeoutError:
            protocol.response_bytes(*refused(scope, 408, TOO_SLOW))
        finally:
            self.uploads -= 1


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, call, *arguments)


async def receive_file(headers: Any, protocol: Any, file: IO[bytes]) -> str:
    """Write the body into `file` and return its length for the application, as `receive` does.

    Raises `TimeoutError` for a sender that is slower than `MIN_RATE` but for 10 seconds.
    """
    length = "" if "transfer-encoding" in headers else str(announced(headers))
    if length and int(length) > MAX_UPLOAD_BYTES:
        return length
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(BODY_SECONDS) as limit:
        try:
            async for chunk in protocol:
                file.write(chunk)
                if file.tell() > MAX_UPLOAD_BYTES:
                    break
                limit.reschedule(started + BODY_SECONDS + file.tell() / MIN_RATE)
        except RuntimeError:  # the client has gone
            pass
    received = file.tell()
    file.seek(0)
    return length or str(received)


async def answer(environ: dict[str, Any], protocol: Any) -> None:
    """Let the application answer; a long answer is sent piece by piece."""
    status, headers, content = await in_thread(respond, environ)
    if isinstance(content, bytes):
        protocol.response_bytes(status, headers, content)
    else:
        await stream(protocol.response_stream(status, headers), content)


async def stream(transport: Any, content: HttpResponseBase) -> None:
    """Send what the application makes when the client has taken what was before it.

    A thread is held only while a piece is made. Who stops reading for a minute has gone.
    """
    pieces = iter(content)
    try:
        while (piece := await in_thread(next, pieces, None)) is not None:
            async with asyncio.timeout(SEND_SECONDS):
                await transport.send_bytes(piece)
    except (RuntimeError, TimeoutError):  # Granian's own when the client has gone
        log.info("- /- the client has gone")
    finally:
        await in_thread(content.close)


async def receive(headers: Any, protocol: Any) -> tuple[bytes, str]:
    """Return the body and its length for the application, which refuses what is over the limit.

    Too long a body is not read on; one that ends early is shorter than the length beside it.
    """
    is_chunked = "transfer-encoding" in headers  # wins over a length (RFC 9112, section 6.3)
    announced = "" if is_chunked else headers.get("content-length", "")
    if not announced and not is_chunked:
        return b"", ""
    if announced and int(announced) > MAX_BODY_BYTES:
        return b"", announced
    body = bytearray()
    try:
        async for chunk in protocol:
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return b"", str(len(body))
    except RuntimeError:  # the client has gone
        pass
    return bytes(body), announced or str(len(body))


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
    }
    for name, value in scope.headers.items():
        if "_" in name or name in ("transfer-encoding", "content-length"):
            continue
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        # The same header twice is a list (RFC 9110, section 5.3); two Authorizations match nothing.
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ | ({"CONTENT_LENGTH": length} if length else {})


def respond(environ: dict[str, Any]) -> tuple[int, Headers, bytes | HttpResponseBase]:
    """Return the application's answer: whole, or what makes it piece by piece and is to be closed.

    Files of known length are whole, too.
    """
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        started[:] = [(status, headers)]

    made: Any = application(environ, start_response)
    status, headers = started[0]
    if getattr(made, "streaming", False) and not made.has_header("Content-Length"):
        return int(status[:3]), headers, made
    try:
        content = b"".join(made)
    finally:
        if hasattr(made, "close"):
            made.close()
    return int(status[:3]), headers, content


def refused(scope: Any, status: int, detail: str) -> tuple[int, Headers, bytes]:
    """Log and return what the application would, had the request come to it.

    A header with bytes beyond ASCII would not: Granian leaves out the value, and a condition
    (`If-Match`) that is lost is a condition that holds.
    """
    given = request_id_of(scope.headers.get("x-request-id") or "")
    token = request_id.set(given)
    log.info("%s /- %s", scope.method, status)
    request_id.reset(token)
    code = REFUSAL_CODES.get(status, "bad_request")
    faults = [Fault(code, detail)]
    body = problem_body(status, code, detail, given, faults)
    headers = [("content-type", CONTENT_TYPE), ("cache-control", "no-store")]
    headers += [("content-security-policy", DATA_POLICY), ("x-content-type-options", "nosniff")]
    headers += [("x-request-id", given), ("connection", "close")]
    return status, headers, json.dumps(body).encode()


app = Application()
