"""What happens to every request before a view: its id, its log line, its peer's address."""

import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from config.api.errors import Busy, problem_response
from config.api.peers import CALLER, peer_address
from config.audit.origin import Origin, coming_from, door_of
from config.logs import log_answer
from config.metrics import UNROUTED, count_request

log = logging.getLogger("roster.request")
NO_ID = "-"
request_id: ContextVar[str] = ContextVar("request_id", default=NO_ID)

# read_only_sql_transaction: it is becoming a standby; idle_in_transaction_session_timeout
NOT_FOR_LONG = ("25006", "25P03")
ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
GetResponse = Callable[[HttpRequest], HttpResponse]

# Pages load the service's own files and nothing else; everything else is data.
PAGES_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
DOCS_POLICY = f"{PAGES_POLICY}; img-src 'self' data:"  # Swagger UI's style sheet holds its marks
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


def request_id_of(given: str) -> str:
    """Return the id that the caller gave if it is one, else a new one."""
    return given if ACCEPTED_REQUEST_ID.match(given) else secrets.token_hex(16)


class RequestIdFilter(logging.Filter):
    """Put the id of the request being served on each log record."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        known, request = request_id.get(), getattr(record, "request", None)
        if known == NO_ID and isinstance(request, HttpRequest):
            # Django logs a failure once all middleware is done with the request.
            known = request.META.get("REQUEST_ID", NO_ID)
        record.request_id = known
        return True


class RouteOnlyFilter(logging.Filter):
    """Put the route in place of the path that Django logs: a path may hold the token of a link."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(record.args, tuple) and isinstance(request, HttpRequest):
            shown = f"/{route_of(request)}"
            record.args = tuple(shown if arg == request.path else arg for arg in record.args)
        return True


def policy_of(request: HttpRequest, response: HttpResponse) -> str:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return DATA_POLICY
    return DOCS_POLICY if route_of(request) == "docs" else PAGES_POLICY


def route_of(request: HttpRequest) -> str:
    """Return the route, one for both spellings of an endpoint, or `UNROUTED`."""
    return request.resolver_match.route.rstrip("/") if request.resolver_match else UNROUTED


class RequestMiddleware:
    """Give the request its id, the answer its common headers, the log one line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Where the server says when it had the request, the wait for a thread or a turn is in it.
        started = request.META.get("roster.arrived") or time.perf_counter()
        request.META["REQUEST_ID"] = request_id_of(request.META.get("HTTP_X_REQUEST_ID", ""))
        token = request_id.set(request.META["REQUEST_ID"])
        try:
            response = self.get_response(request)
            self.finish(request, response)
            taken, method = time.perf_counter() - started, request.method or ""
            route, status = route_of(request), response.status_code
            count_request(method, route, status, taken)
            caller = request.META.get(CALLER)
            log_answer(log, method, route, status, taken=taken, user_id=caller)
            return response
        finally:
            request_id.reset(token)

    def finish(self, request: HttpRequest, response: HttpResponse) -> None:
        response.headers["X-Request-ID"] = request.META["REQUEST_ID"]
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", policy_of(request, response))

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """Answer 503 where the database or the service is away or busy; one may try again."""
        if isinstance(fault, Busy):
            return unavailable(request, str(fault.detail), fault.wait)
        if not is_unavailable(fault):
            return None
        # No trace each time: an outage has as many as there are requests.
        what = getattr(fault, "what", "database")  # our own say it
        log.error("%s unavailable: %s: %s", what, type(fault).__name__, first_line(fault))
        return unavailable(request, "Try again in a few seconds.", 5)


def is_unavailable(fault: Exception) -> bool:
    """Tell whether the database is away, full, too slow, or one that may only be read."""
    if isinstance(fault, InternalError):
        return getattr(fault.__cause__, "sqlstate", "") in NOT_FOR_LONG
    return isinstance(fault, OperationalError | InterfaceError)


def first_line(fault: Exception) -> str:
    """Return what the database says is wrong, without the statement that may follow."""
    return (str(fault).splitlines() or [""])[0]


def unavailable(request: HttpRequest, detail: str, wait: int) -> HttpResponse:
    response = problem_response(request, 503, "unavailable", detail)
    response.headers["Retry-After"] = str(wait)
    return response


class TrustedProxyMiddleware:
    """Believe `X-Forwarded-For` and `-Proto` only from a peer in `TRUSTED_PROXIES`.

    The client is the right-most address that is no proxy of ours; what stands left is hearsay.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded_for = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        forwarded_proto = request.META.pop("HTTP_X_FORWARDED_PROTO", "")
        if settings.TRUSTED_PROXIES and is_trusted(request.META.get("REMOTE_ADDR", "")):
            request.META["REMOTE_ADDR"] = client_address(request.META["REMOTE_ADDR"], forwarded_for)
            request.META["wsgi.url_scheme"] = "https" if forwarded_proto == "https" else "http"
        return self.get_response(request)


class OriginMiddleware:
    """Tell the audit trail where what this request does comes from."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = peer_address(request)
        door, request_id = door_of(request.path_info), request.META["REQUEST_ID"]
        with coming_from(Origin(door, str(address) if address else "", request_id)):
            return self.get_response(request)


def client_address(peer: str, forwarded_for: str) -> str:
    """Return the address of the client: the peer's, or what trusted proxies say of it."""
    client = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",")]):
        if not is_trusted(client) or not is_address(hop):
            break
        client = hop
    return client


def is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value  # a zone (RFC 4007) is free text, and of no meaning on another machine


def is_trusted(value: str) -> bool:
    if not is_address(value):
        return False
    address = ipaddress.ip_address(value)
    # How a socket for both versions writes an IPv4 peer (RFC 4291, section 2.5.5.2).
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.TRUSTED_PROXIES)
