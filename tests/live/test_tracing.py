"""Traces of the real server, as a collector gets them."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typing_extensions import override

from tests.live.conftest import PASSWORD, ROOT, serving
from tests.mails import free_port

pytestmark = pytest.mark.xdist_group("live")

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@dataclass
class Collector:
    """An OTLP receiver that keeps what it gets."""

    port: int
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[tuple[dict[str, str], Any]]:
        """Return the spans with the attributes of the resource that each is of."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                of = attributes(resource.resource)
                found += [(of, span) for scope in resource.scope_spans for span in scope.spans]
        return found

    def of_request(self, request_id: str) -> Any:
        """Return the span of this request, once it is there."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for _, span in self.spans():
                if attributes(span).get("roster.request_id") == request_id:
                    return span
        raise AssertionError([span.name for _, span in self.spans()])


def attributes(holder: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector(port=0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_zipped = self.headers.get("Content-Encoding") == "gzip"
            kept.bodies.append(gzip.decompress(body) if is_zipped else body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield kept
        server.shutdown()


def traced(environment: dict[str, str], port: int, delay_ms: int) -> dict[str, str]:
    return environment | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": str(delay_ms),
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "WEB_WORKERS": "2",
    }


def test_a_request_is_a_span_with_its_queries_in_it(
    environment: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    with serving(traced(environment, collector.port, 100), tmp_path / "log") as running:
        access = running.log_in()["access"]
        answer = running.call(
            "GET", "/users?search=secret-in-query", token=access,
            X_Request_ID="mine-1", traceparent=TRACEPARENT,
        )  # fmt: skip
        running.call("GET", "/secret-in-path", X_Request_ID="mine-2")
        span, unrouted = collector.of_request("mine-1"), collector.of_request("mine-2")

    assert answer.status == 200
    assert (span.name, span.trace_id.hex()) == ("GET /users", TRACE)
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/users",
        "http.response.status_code": 200,
        "roster.request_id": "mine-1",
    }
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert (unrouted.name, attributes(unrouted)["http.response.status_code"]) == ("GET", 404)

    queries = [one for _, one in collector.spans() if one.parent_span_id == span.span_id]
    assert "SELECT" in {query.name for query in queries}
    assert any('FROM "users"' in attributes(query)["db.query.text"] for query in queries)

    named = {"service.name": "roster", "deployment.environment.name": "test"}
    assert all(named.items() <= of.items() for of, _ in collector.spans())

    sent = b"".join(collector.bodies)
    for secret in ("secret-in", access, PASSWORD, ROOT, "127.0.0.1", "argon2"):
        assert secret.encode() not in sent


def test_what_is_not_sent_yet_is_sent_at_the_end(
    environment: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    with serving(traced(environment, collector.port, 600_000), tmp_path / "log") as running:
        running.call("GET", "/livez", X_Request_ID="mine-3")
        assert collector.bodies == []

    assert collector.of_request("mine-3").name == "GET /livez"


def test_a_collector_that_is_away_holds_up_nobody(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with serving(traced(environment, free_port(), 100), tmp_path / "log") as running:
        started = time.monotonic()
        for _ in range(50):
            assert running.call("GET", "/livez").status == 200
        assert time.monotonic() - started < 10
        ended = time.monotonic()

    assert time.monotonic() - ended < 20
