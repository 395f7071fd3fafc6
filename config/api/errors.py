"""Every refusal as a problem body (RFC 9457)."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"
MAX_FAULTS = 100
MAX_ECHO = 200
CUT_ESCAPE = re.compile("(%[0-9A-F]?|~)\\Z")
LONE_CODES = {"unknown_field", "unknown_parameter", "read_only"}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: where (field, parameter, cell of a file), which, in words."""

    code: str
    detail: str
    field: str | None = None
    parameter: str | None = None
    row: int | None = None  # of a file, whose `column` this is

    def as_dict(self) -> dict[str, Any]:
        return {**self._place(), "code": self.code, "detail": self.detail}

    def _place(self) -> dict[str, Any]:
        if self.row is not None:
            return {"row": self.row, "column": self.field or ""}
        if self.parameter is not None:
            return {"parameter": self.parameter[:MAX_ECHO]}
        return {"pointer": pointer(self.field)}


def unknown_parameter(name: str, known: Iterable[str]) -> Fault:
    names = ", ".join(known) or "none"
    detail = f"Unknown parameter. Those there are: {names}."
    return Fault("unknown_parameter", detail, parameter=name)


def pointer(field: str | None) -> str:
    """Return the place in the body as a URI fragment (RFC 6901, section 6); None is the body."""
    if field is None:
        return "#"
    escaped = field[:MAX_ECHO].replace("~", "~0").replace("/", "~1")
    quoted = quote(escaped, safe="~", errors="replace")
    return "#/" + CUT_ESCAPE.sub("", quoted[:MAX_ECHO])


class Invalid(exceptions.APIException):
    """400 with all faults of the request."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "invalid"

    def __init__(self, faults: Iterable[Fault], detail: str = "") -> None:
        self.faults = list(faults)
        super().__init__(detail or count(self.faults))


class Conflict(exceptions.APIException):
    """409: the rule that a change would break, by its code."""

    status_code = HTTPStatus.CONFLICT


class PreconditionFailed(exceptions.APIException):
    """412: the row is no longer the one that the caller read (RFC 9110, section 15.5.13)."""

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "This was changed by someone else. Read it again."


class PayloadTooLarge(exceptions.APIException):
    """413 (RFC 9110, section 15.5.14)."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = "The body is larger than 1 MiB."


class Busy(exceptions.APIException):
    """503 with `Retry-After`: there is no room for this now, and nothing was done."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Too many passwords are being checked. Try again in a few seconds."
    wait = 5  # seconds


def count(faults: list[Fault]) -> str:
    return f"The request has {len(faults)} error{'' if len(faults) == 1 else 's'}."


def shared_code(faults: list[Fault]) -> str:
    """Return what a client can branch on: `invalid`, or the manner that alone was broken."""
    codes = {fault.code for fault in faults}
    return codes.pop() if len(codes) == 1 and codes <= LONE_CODES else "invalid"


def problem(
    request: HttpRequest, status: int, code: str, detail: str, faults: Iterable[Fault] = ()
) -> dict[str, Any]:
    """Return the problem body of an answer to this request."""
    return problem_body(status, code, detail, request.META.get("REQUEST_ID", ""), faults)


def problem_body(
    status: int, code: str, detail: str, request_id: str, faults: Iterable[Fault] = ()
) -> dict[str, Any]:
    """Return `{"type", "title", "status", "code", "detail", "request_id"[, "errors"]}`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }
    if status == HTTPStatus.BAD_REQUEST:
        body["errors"] = [fault.as_dict() for fault in list(faults)[:MAX_FAULTS]]
    return body


def problem_response(
    request: HttpRequest, status: int, code: str, detail: str, faults: Iterable[Fault] = ()
) -> HttpResponse:
    """Return the problem as an answer outside DRF."""
    body = json.dumps(problem(request, status, code, detail, faults))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE)


def faults_of(detail: Any, field: str | None = None) -> Iterator[Fault]:
    """Flatten DRF's nested error details into faults."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from faults_of(value, None if key == "non_field_errors" else str(key))
    elif isinstance(detail, list | tuple):
        for value in detail:
            yield from faults_of(value, field)
    else:
        yield Fault(getattr(detail, "code", "invalid"), str(detail), field=field)


def exception_handler(fault: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None lets Django answer 500 or 503."""
    if isinstance(fault, Http404):
        fault = exceptions.NotFound()
    elif isinstance(fault, PermissionDenied):
        fault = exceptions.PermissionDenied()
    if not isinstance(fault, exceptions.APIException):
        return None
    faults = list(_faults(fault))
    # DRF repeats the method or the media type sent, whatever its length.
    detail = str(fault.detail)[:MAX_ECHO]
    if faults and not isinstance(fault, Invalid):
        detail = count(faults)
    code = shared_code(faults) if faults else str(fault.get_codes())
    request = context["request"]._request
    body = problem(request, fault.status_code, code, detail, faults)
    response = Response(body, status=fault.status_code, content_type=CONTENT_TYPE)
    if challenge := getattr(fault, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(fault, "wait", None):
        response["Retry-After"] = str(math.ceil(wait))
    return response


def _faults(fault: exceptions.APIException) -> Iterator[Fault]:
    if isinstance(fault, Invalid):
        yield from fault.faults
    elif fault.status_code == HTTPStatus.BAD_REQUEST:
        yield from faults_of(fault.detail)
