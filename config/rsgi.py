"""Granian's own interface in front of the WSGI application: bodies arrive before a thread is taken.

In plain WSGI a thread waits for the body, and as many slow clients as there are threads stop
everybody else. Here the event loop collects it, at most 1 MiB in at most 10 seconds. Headers spelt
with an underscore are dropped: in WSGI `X_Forwarded_For` would pass for `X-Forwarded-For`.
"""

import asyncio
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from config.api.errors import CONTENT_TYPE, Fault, problem_body
from config.api.parsing import MAX_BODY_BYTES
from config.middleware import DATA_POLICY, log, request_id, request_id_of
from config.wsgi import application

BODY_SECONDS = 10
TOO_SLOW = "The body did not arrive in time."
THREADS = 8  # a worker; while one waits for Argon2 or the database, the others go on

Headers = list[tuple[str, str]]

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")


class Application:
    """One request in, one whole answer out."""

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if set(scope.headers.keys()) != {name for name, _ in scope.headers.items()}:
            protocol.response_bytes(*refused(scope, 400, "A header is not in ASCII."))
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body, length = await receive(scope.headers, protocol)
        except TimeoutError:
            protocol.response_bytes(*refused(scope, 408, TOO_SLOW))
            return
        environ = environ_of(scope, body, length)
        loop = asyncio.get_running_loop()
        protocol.response_bytes(*await loop.run_in_executor(_threads, respond, environ))


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


def environ_of(scope: Any, body: bytes, length: str) -> dict[str, Any]:
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
        "wsgi.input": io.BytesIO(body),
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


def respond(environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        started[:] = [(status, headers)]

    answer = application(environ, start_response)
    try:
        content = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = started[0]
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
    code = "request_timeout" if status == HTTPStatus.REQUEST_TIMEOUT else "bad_request"
    faults = [Fault(code, detail)]
    body = problem_body(status, code, detail, given, faults)
    headers = [("content-type", CONTENT_TYPE), ("cache-control", "no-store")]
    headers += [("content-security-policy", DATA_POLICY), ("x-content-type-options", "nosniff")]
    headers += [("x-request-id", given), ("connection", "close")]
    return status, headers, json.dumps(body).encode()


app = Application()
