"""What is counted while requests are served, for `/metrics`; nothing without `METRICS_TOKEN`.

Every label has few values, whatever clients send: routes and never paths, methods of a list.
"""

from functools import lru_cache
from typing import Literal

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from config.logs import method_of

Result = Literal["succeeded", "refused", "throttled", "unavailable"]

IS_ON = bool(settings.METRICS_TOKEN)  # to ask the settings takes as long as to count
UNROUTED = "-"  # static files, unknown paths, what is refused before it is looked at
# From one read of a row to the import of a large file; in between, a hash and a crowd of them.
SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Of this process alone. With PROMETHEUS_MULTIPROC_DIR the library writes into files there, and
# `config.scrape` adds up those of all processes.
registry = CollectorRegistry()
requests = Counter(
    "roster_http_requests",
    "Requests answered, by method, route and status.",
    ("method", "route", "status"),
    registry=registry,
)
seconds = Histogram(
    "roster_http_request_duration_seconds",
    "From when a request has arrived whole until its answer begins.",
    ("method", "route"),
    buckets=SECONDS,
    registry=registry,
)
in_progress = Gauge(
    "roster_http_requests_in_progress",
    "Requests that a server process has taken and not answered, those still arriving included.",
    registry=registry,
    multiprocess_mode="livesum",
)
logins = Counter(
    "roster_logins",
    "Log-ins through the API and the operators' site, by result.",
    ("result",),
    registry=registry,
)
hashing_waiting = Gauge(
    "roster_hashing_waiting",
    "Requests with a password that wait for their turn.",
    registry=registry,
    multiprocess_mode="livesum",
)
hashing_busy = Gauge(
    "roster_hashing_busy",
    "Requests with a password that have their turn.",
    registry=registry,
    multiprocess_mode="livesum",
)
hashing_refused = Counter(
    "roster_hashing_refused",
    "Requests with a password that were refused with 503: too many waited, or this one for long.",
    registry=registry,
)
worker_starts = Counter(
    "roster_worker_starts", "Server processes that were started.", registry=registry
)
for _result in ("succeeded", "refused", "throttled", "unavailable"):
    logins.labels(_result)  # a rate needs the 0 before the first


def count_request(method: str, route: str, status: int, taken: float) -> None:
    """Count an answer that took `taken` seconds; `route` is without its first slash."""
    if IS_ON:
        counted, timed = _series(method_of(method), route, status)
        counted.inc()
        timed.observe(taken)


@lru_cache(maxsize=4096)  # more than there are; finding a series anew costs as much as counting
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    shown = route if route == UNROUTED else f"/{route}"
    return requests.labels(method, shown, str(status)), seconds.labels(method, shown)


def count_turned_away(method: str, status: int) -> None:
    """Count an answer that was made without the application; its time was the client's, or none."""
    if IS_ON:
        requests.labels(method_of(method), UNROUTED, str(status)).inc()


def count_login(result: Result) -> None:
    if IS_ON:
        logins.labels(result).inc()


def count_hashing_refused() -> None:
    if IS_ON:
        hashing_refused.inc()


def count_worker_start() -> None:
    if IS_ON:
        worker_starts.inc()


class Present:
    """Counts whoever is inside among those that a gauge tells of.

    A class, since entering a generator takes as long as counting does.
    """

    __slots__ = ("gauge",)

    def __init__(self, gauge: Gauge | None) -> None:
        self.gauge = gauge if IS_ON else None

    def __enter__(self) -> None:
        if self.gauge:
            self.gauge.inc()

    def __exit__(self, *_: object) -> None:
        if self.gauge:
            self.gauge.dec()
