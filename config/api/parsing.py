"""Bodies: JSON objects in UTF-8, taken at their word."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from typing_extensions import override

from config.api.errors import PayloadTooLarge

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 20
MEDIA_TYPE = "application/json"


class StrictJSONParser(BaseParser):
    """Parse one JSON object (RFC 8259); refuse what parsers disagree about (RFC 8725, section 2.4).

    Raises:
        UnsupportedMediaType: 415, another charset than UTF-8, or an encoded body.
        PayloadTooLarge: 413, over 1 MiB, before a byte is parsed.
        ParseError: 400, everything else.
    """

    media_type = MEDIA_TYPE

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        request: HttpRequest = (parser_context or {})["request"]._request
        check_content_type(request)
        return parse_object(read_body(request, stream))


def check_content_type(request: HttpRequest) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise exceptions.UnsupportedMediaType("", detail="Send the body without a content coding.")
    parameters = dict(request.content_params or {})
    if parameters.pop("charset", "utf-8").strip("\"'").lower() != "utf-8":
        raise exceptions.UnsupportedMediaType("", detail="Send the body in UTF-8.")


def read_body(request: HttpRequest, stream: IO[bytes]) -> bytes:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > MAX_BODY_BYTES:
        raise PayloadTooLarge
    body = stream.read()
    if len(body) < length:
        raise exceptions.ParseError("The body ended before its announced length.")
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the object in `body`; raise `ParseError` for anything that is not exactly one."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as fault:
        detail = str(fault) if isinstance(fault, _Refused) else "The body is not readable as JSON."
        raise exceptions.ParseError(detail) from None
    if not isinstance(value, dict):
        raise exceptions.ParseError("The body must be a JSON object.")
    if is_deeper_than(value, MAX_DEPTH):
        raise exceptions.ParseError(f"The body is nested over {MAX_DEPTH} levels.")
    return value


class _Refused(ValueError):
    """JSON that Python would take and Roster does not; the text is for the caller."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _Refused("The body has the same key twice.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON.")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _Refused("The body has a number out of range.")
    return value


def is_deeper_than(value: Any, levels: int) -> bool:
    """Walk level by level; the outermost container is level 1."""
    layer = [value]
    for _ in range(levels):
        layer = [
            child
            for container in layer
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        if not layer:
            return False
    return True


class OnlyJSON(BaseContentNegotiation):
    """Answer in JSON whatever `Accept` says: there is nothing else to choose from."""

    @override
    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        content_type = request.content_type.partition(";")[0].strip().lower()
        return parsers[0] if content_type == MEDIA_TYPE else None

    @override
    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
