"""Paths of the API: one trailing slash is the same endpoint, ids are canonical."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, register_converter
from django.views.decorators.csrf import csrf_exempt

from config.api.errors import count, problem_response, shared_code, unknown_parameter

MAX_ID = 2**63 - 1

Page = Callable[[HttpRequest], HttpResponse]
Actions = dict[str, str | Any]  # HTTP method: action of a view set


class RowIdConverter:
    """ASCII digits without leading zero, 1 to 2^63-1; anything else is no such path."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        if (row_id := int(value)) > MAX_ID:
            raise ValueError
        return row_id

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(RowIdConverter, "row_id")


def endpoint(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Return the two spellings of one endpoint; only the bare one has the name."""
    return [path(route, view, name=name), path(f"{route}/", view)]


def read_only(view: Page, *, parameters: tuple[str, ...] = ()) -> Page:
    """Let a view outside the API be read (GET, HEAD) and nothing else: 405 with `Allow`.

    Another query parameter than `parameters` is 400, as everywhere.
    """

    @csrf_exempt  # nothing to forge here, and 405 is the answer rather than a page about cookies
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed(request, ("GET", "HEAD"), "This can only be read.")
        unknown = [name for name in request.GET if name not in parameters]
        if faults := [unknown_parameter(name, parameters) for name in unknown]:
            detail, code = count(faults), shared_code(faults)
            return problem_response(request, HTTPStatus.BAD_REQUEST, code, detail, faults)
        return view(request)

    return guarded


def method_not_allowed(
    request: HttpRequest, offered: tuple[str, ...], detail: str = "This cannot be done here."
) -> HttpResponse:
    """Return 405 with `Allow`, for what is outside the API."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    response = problem_response(request, status, "method_not_allowed", detail)
    response["Allow"] = ", ".join(offered)
    return response
