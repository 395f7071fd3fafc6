"""Answers outside the API: the front page, and errors that reach Django itself."""

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from config.api.errors import Fault, PayloadTooLarge, count, problem_response
from config.api.routing import read_only


@read_only
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is and where to go."""
    return render(request, "home.html")


def is_for_operators(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return problem_response(request, 413, "payload_too_large", PayloadTooLarge.default_detail)
    if is_for_operators(request):
        return defaults.bad_request(request, exception)
    fault = Fault("bad_request", "The request's host, cookies or parameters are not acceptable.")
    return problem_response(request, 400, "bad_request", count([fault]), [fault])


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_operators(request):
        return defaults.permission_denied(request, exception)
    return problem_response(request, 403, "permission_denied", "You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_operators(request):
        return defaults.page_not_found(request, exception)
    return problem_response(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    if is_for_operators(request):
        return defaults.server_error(request)
    return problem_response(request, 500, "error", "Something went wrong on our side.")
