"""Whether the process lives, and whether it can serve."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse

from config import replica
from config.api.errors import problem_response
from config.api.routing import read_only
from config.draining import is_draining
from config.throttling.stores import are_counters_there
from users.figures import TOO_LONG, oldest_mail

OK, LATE, DEGRADED = "ok", "late", "degraded"
AWAY, UNKNOWN = "away", "unknown"
LIMIT = "1s"  # for a query of a probe: some load balancers wait for 2 s
PROBES = {"/livez", "/healthz", "/readyz"} | ({"/metrics"} if settings.METRICS_TOKEN else set())


class AnyHostForProbes:
    """Let probes name the service as they like: orchestrators use the address of the moment.

    Their answers depend on no host; for every other path `ALLOWED_HOSTS` holds.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.removesuffix("/") in PROBES:
            request.get_host = lambda: "localhost"  # type: ignore[method-assign] # for this one
        return self.get_response(request)


@read_only
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as the process does; nothing else is asked."""
    return JsonResponse({"status": "ok"})


class NotReady(Exception):
    """This process cannot serve; says why."""


@contextmanager
def limited() -> Iterator[None]:
    """Let PostgreSQL end what waits for a lock, long before a request of others would give up.

    SQLite has no lock that keeps a reader waiting, and a transaction there would be one.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{LIMIT}'")
        yield


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def migrations() -> str:
    with limited():
        applied = MigrationRecorder(connection).applied_migrations().keys()
    if known_migrations() - applied:
        raise NotReady("Migrations are to be applied.")
    return OK


def mail() -> str:
    """Say `late` where a mail has been waiting too long.

    Mails are the worker's: whoever took the web processes out of service for a mail server that is
    away would make one fault into two.
    """
    with limited():
        return LATE if oldest_mail() > TOO_LONG else OK


def replica_age() -> str:
    """Say `late` where lists are read from the primary since the replica is away or too old."""
    return LATE if (replica.lag() or 0.0) > settings.REPLICA_MAX_LAG else OK


def counters() -> str:
    """Say `away` where log-ins are refused since nothing can count those that fail."""
    return OK if are_counters_there() else AWAY


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Return those of the code; to read them takes longer than all queries."""
    return frozenset(MigrationLoader(None).graph.nodes)


# In this order. What one says is shown; where one of these fails there is nobody to serve.
NEEDED: dict[str, Callable[[], str]] = {"database": database, "migrations": migrations}
# What one of these says, or that it could not be found out, makes the status `degraded` at most.
OTHERS: dict[str, Callable[[], str]] = {
    "mail": mail,
    **({"replica": replica_age} if replica.is_configured() else {}),
}


@read_only
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and has every migration; 503 else, and before an end.

    What is wrong but keeps nobody from being served makes the status `degraded`.
    """
    if is_draining():
        return not_ready(request, "This process is about to stop.")
    try:
        said = {name: check() for name, check in NEEDED.items()}
    except (DatabaseError, InterfaceError):
        return not_ready(request, "The database does not answer.")
    except NotReady as reason:
        return not_ready(request, str(reason))
    others = OTHERS | ({"counters": counters} if settings.CACHE_URL else {})
    said |= {name: answer_of(check) for name, check in others.items()}
    status = OK if set(said.values()) == {OK} else DEGRADED
    return JsonResponse({"status": status, "checks": said})


def not_ready(request: HttpRequest, reason: str) -> HttpResponse:
    """Return 503, of which our own line in the log says enough: no second one of Django's."""
    response = problem_response(request, 503, "unavailable", reason)
    response._has_been_logged = True  # type: ignore[attr-defined] # noqa: SLF001 # Django looks
    return response


def answer_of(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, InterfaceError):  # one table is locked or broken, say
        return UNKNOWN
