"""`/metrics`: what all server processes of this machine have counted, and what the database says.

In Prometheus' text format, for whoever has `METRICS_TOKEN`; without this setting there is no such
address.
"""

import hmac
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from typing_extensions import override

from config import metrics, replica
from config.api.errors import problem_response
from config.api.routing import read_only
from config.version import VERSION
from users.figures import EXACT, Figures, figures

log = logging.getLogger("roster.metrics")

KNOWN_FOR = 5  # seconds that the database is not asked again, however many ask us
CHALLENGE = "Send the token that METRICS_TOKEN sets, as `Authorization: Bearer …`."


@read_only
def scrape(request: HttpRequest) -> HttpResponse:
    """Answer with all metrics, also while the database is away."""
    if not is_allowed(request.META.get("HTTP_AUTHORIZATION", "")):
        response = problem_response(request, 401, "not_authenticated", CHALLENGE)
        response["WWW-Authenticate"] = "Bearer"
        return response
    encode, content_type = encoder(request.META.get("HTTP_ACCEPT", ""))
    try:
        return HttpResponse(encode(everything()), content_type=content_type)
    except (OSError, ValueError):  # somebody has cleared the folder away
        log.error("the folder of the metrics cannot be read")  # noqa: TRY400 # no trace each time
        return problem_response(request, 503, "unavailable", "The counts cannot be read.")


def encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return what writes the format that is asked for: plain text where that cannot be read."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # what is no version, the library compares with one
        encode, content_type = choose_encoder("")
    return encode, content_type


def is_allowed(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    is_right = hmac.compare_digest(
        token.encode("utf-8", "replace"), settings.METRICS_TOKEN.encode()
    )
    return scheme.lower() == "bearer" and is_right


def everything() -> CollectorRegistry:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    registry = CollectorRegistry()
    registry.register(Counted(folder))
    registry.register(Processes(live_processes(folder)))
    registry.register(Service())
    return registry


class Counted(Collector):
    """What this process has counted, or, where they share a folder, what all of them have."""

    def __init__(self, folder: str) -> None:
        self.source: Collector | CollectorRegistry = metrics.registry
        if folder:
            self.source = MultiProcessCollector(None, folder)

    @override
    def collect(self) -> Iterator[Metric]:
        for family in self.source.collect():
            yield restarts(family) if family.name == "roster_worker_starts" else family


def restarts(starts: Metric) -> Metric:
    """Return how often a process had to be replaced, so that a whole new server counts for none."""
    started = sum(sample.value for sample in starts.samples if sample.name.endswith("_total"))
    return CounterMetricFamily(
        "roster_worker_restarts",
        "Server processes that were started in place of others, by SIGHUP or after an end.",
        value=max(0.0, started - settings.WEB_WORKERS),
    )


class Processes(Collector):
    """CPU, memory and open files of each process."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = ids

    @override
    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for process_id in self.ids:
            collector = ProcessCollector(pid=partial(int, process_id), registry=None)
            for found in collector.collect():
                family = families.setdefault(
                    found.name, Metric(found.name, found.documentation, found.type)
                )
                for sample in found.samples:
                    family.add_sample(sample.name, {"pid": str(process_id)}, sample.value)
        yield from families.values()


def live_processes(folder: str) -> list[int]:
    """Return the ids of those that count in this folder, and forget the gauges of the dead."""
    if not folder:
        return [os.getpid()]
    ids = {int(file.stem.rpartition("_")[2]) for file in Path(folder).glob("*_*.db")}
    live = sorted(filter(is_alive, ids))
    for process_id in ids - set(live):
        mark_process_dead(process_id, folder)
    return live


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Service(Collector):
    """What this is, and what its database says; where it says nothing, whether it is away."""

    @override
    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("roster_build_info", "The version that runs.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield gauge("roster_workers", "Server processes as configured.", settings.WEB_WORKERS)
        is_up, found = latest.said()
        yield gauge("roster_database_up", "Whether the database answers.", is_up)
        if found:
            yield from of_database(found)
        age = replica.lag()
        if age is not None:
            yield gauge(
                "roster_replica_lag_seconds",
                "How many seconds the replica may be behind; infinite while it is away.",
                age,
            )


def of_database(found: Figures) -> Iterator[Metric]:
    users = GaugeMetricFamily("roster_users", "Users.", labels=["role", "status"])
    for (role, status), number in found.users.items():
        users.add_metric([role, status], number)
    yield users
    estimated = f"exact up to {EXACT}, on PostgreSQL an estimate beyond."
    yield gauge("roster_sessions_active", f"Log-ins that can be used; {estimated}", found.sessions)
    yield gauge("roster_mails_waiting", f"Mails to be sent; {estimated}", found.mails_waiting)
    yield gauge("roster_mails_failed", f"Mails given up; {estimated}", found.mails_failed)
    yield gauge(
        "roster_mails_oldest_waiting_seconds",
        "For how long the oldest mail has been waiting to be sent; 0 where none waits.",
        found.oldest_mail,
    )
    yield gauge(
        "roster_imports_waiting", "Imports that no worker has begun.", found.imports_waiting
    )


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


class Latest:
    """What the database said a moment ago: whether it answers, and its figures, if it gave them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._said: tuple[bool, Figures | None] = (False, None)
        self._until = float("-inf")

    def said(self) -> tuple[bool, Figures | None]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._said = ask()
                self._until = time.monotonic() + KNOWN_FOR
            return self._said

    def forget(self) -> None:
        self._until = float("-inf")


def ask() -> tuple[bool, Figures | None]:
    """Ask for all figures; where one cannot be had, whether the database answers at all."""
    try:
        return True, figures()
    except (DatabaseError, InterfaceError):
        return answers(), None


def answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True


latest = Latest()
