"""Traces by OpenTelemetry: a span for each request, in it one for each query.

Loaded where OTEL_EXPORTER_OTLP_ENDPOINT is set, and only there: the packages are optional (see
docs/deploy/requirements-otel.txt), and so costs nothing elsewhere. The SDK reads the other
`OTEL_…` variables itself.

Own spans instead of the instrumentation that there is for Django: that one writes down paths and
queries, and links in mails hold tokens.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from multiprocessing.util import Finalize
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from config.logs import METHODS
from config.metrics import UNROUTED
from config.middleware import is_trusted, route_of
from config.version import VERSION

FLUSH_MS = 3000  # for what a process that ends has not sent yet; a collector may be away
MOST_SQL = 2000  # characters of a statement

propagator = TraceContextTextMapPropagator()


def new_provider() -> TracerProvider:
    """Return what sends spans from this process: its thread would not survive a fork."""
    ours = Resource.create({"service.name": "roster", "service.version": VERSION})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    # The server's processes are forked: Python calls nothing that `atexit` knows when they end.
    Finalize(None, provider.force_flush, args=(FLUSH_MS,), exitpriority=1)
    return provider


class TracingMiddleware:
    """A span for each request: method, route, status and request id; no path, query or header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.tracer = new_provider().get_tracer("roster", VERSION)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        method = request.method if request.method in METHODS else "_OTHER"
        span = self.tracer.start_span(
            method,
            context=caller_context(request),
            kind=trace.SpanKind.SERVER,
            start_time=arrival(request),
            attributes={
                "http.request.method": method,
                "roster.request_id": request.META["REQUEST_ID"],
            },
        )
        with trace.use_span(span, end_on_exit=True), queries_traced(self.tracer, span):
            response = self.get_response(request)
            route, status = route_of(request), response.status_code
            if route != UNROUTED:
                span.update_name(f"{method} /{route}")
                span.set_attribute("http.route", f"/{route}")
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(trace.StatusCode.ERROR)
            return response


def caller_context(request: HttpRequest) -> context.Context:
    """Return the trace that a proxy of ours says this belongs to (W3C Trace Context).

    A stranger's header is ignored: they could have every request of theirs recorded, or put spans
    into traces of others.
    """
    if not settings.TRUSTED_PROXIES or not is_trusted(request.META.get("REMOTE_ADDR", "")):
        return context.Context()
    sent = {name: request.headers.get(name, "") for name in ("traceparent", "tracestate")}
    return propagator.extract(sent, context.Context())


def arrival(request: HttpRequest) -> int:
    """Return when the server had the request, in nanoseconds since 1970."""
    now = time.perf_counter()
    waited = now - request.META.get("roster.arrived", now)
    return time.time_ns() - int(waited * 1e9)


def queries_traced(tracer: trace.Tracer, span: trace.Span) -> AbstractContextManager[Any]:
    """Let each query of this thread be a span, where the request is recorded at all."""
    stack = ExitStack()
    if span.is_recording():
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(Queries(tracer)))
    return stack


class Queries:
    """Called by Django around each query; its parameters go into no span."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        statement = str(sql)
        verb = statement.lstrip(" \n(").partition(" ")[0].upper()[:20]
        attributes = {
            "db.system.name": context["connection"].vendor,  # named as OpenTelemetry does
            "db.query.text": statement[:MOST_SQL],
        }
        # What a fault says may hold values (of a duplicate key, say): its kind alone is kept.
        span = self.tracer.start_span(verb, kind=trace.SpanKind.CLIENT, attributes=attributes)
        try:
            return execute(sql, params, many, context)
        except Exception as fault:
            span.set_attribute("error.type", type(fault).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()
