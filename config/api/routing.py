"""Paths of the API: one trailing slash is the same endpoint, ids are canonical."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, register_converter
from django.views.decorators.csrf import csrf_exempt

from config.api.errors import problem_response

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


def read_only(view: Page) -> Page:
    """Let a view outside the API be read (GET, HEAD) and nothing else: 405 with `Allow`."""

    @csrf_exempt  # nothing to forge here, and 405 is the answer rather than a page about cookies
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        status = HTTPStatus.METHOD_NOT_ALLOWED
        response = problem_response(request, status, "method_not_allowed", "This can only be read.")
        response["Allow"] = "GET, HEAD"
        return response

    return guarded
