"""Requests that an ordinary client would not make."""

from typing import Any

from rest_framework.test import APIClient

JSON = "application/json"


def send(  # one place for the types that the test client's stubs do not know
    client: APIClient, method: str, path: str, body: bytes | str = b"", **options: Any
) -> Any:
    """Send the bytes as they are; `options` are `content_type`, `headers` and WSGI variables."""
    data: Any = body
    return client.generic(method, path, data, **{"content_type": JSON, **options})
