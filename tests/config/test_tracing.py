"""Whose word is taken on which trace a request belongs to."""

import ipaddress
from typing import Any

import pytest
from django.test import RequestFactory
from opentelemetry import trace

from config.tracing import caller_context

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADER = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("proxies", "peer", "header", "expected"),
    [
        (["10.0.0.0/8"], "10.1.2.3", HEADER, TRACE),
        (["10.0.0.0/8"], "10.1.2.3", "nonsense", ""),
        (["10.0.0.0/8"], "10.1.2.3", "", ""),
        (["10.0.0.0/8"], "192.0.2.1", HEADER, ""),
        ([], "10.1.2.3", HEADER, ""),
    ],
)
def test_only_a_proxy_of_ours_says_which_trace_it_is(
    proxies: list[str], peer: str, header: str, expected: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network(proxy) for proxy in proxies]
    request = RequestFactory().get("/livez", REMOTE_ADDR=peer, headers={"traceparent": header})

    known = trace.get_current_span(caller_context(request)).get_span_context()

    assert (f"{known.trace_id:032x}" if known.is_valid else "") == expected
