"""The front page, and pages that reach Django itself."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from config import pages
from tests.conftest import codes
from tests.sending import send


def test_says_what_this_is_and_where_to_go(anonymous: APIClient) -> None:
    answer = anonymous.get("/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    page = answer.content.decode()
    assert "<h1>" in page
    for target in ("/docs", "/schema", "/admin/"):
        assert f'href="{target}"' in page
    assert set(re.findall(r'(?:src|href)="(https?:)?//', page)) == set()
    assert "<script" not in page


def test_is_read_only_also_where_forgery_is_checked() -> None:
    """Not a page about cookies, as Django would answer before the view."""
    client = Client(enforce_csrf_checks=True)
    for path in ("/", "/livez", "/readyz/", "/users", "/auth/login", "/nothing"):
        answer = client.generic("FOO", path)

        assert answer.status_code in (404, 405)
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "media"),
    [("/admin/x", "text/html; charset=utf-8"), ("/users", "application/problem+json"),
     ("/administrators", "application/problem+json")],
)  # fmt: skip
def test_operators_get_pages_and_all_others_problems(path: str, media: str) -> None:
    request = RequestFactory().get(path)
    answers: list[tuple[int, HttpResponse]] = [
        (403, pages.permission_denied(request, PermissionDenied("inside"))),
        (404, pages.not_found(request, Exception("inside"))),
    ]

    for status, answer in answers:
        assert (answer.status_code, answer["Content-Type"]) == (status, media)
        assert b"inside" not in answer.content


def test_problem_without_request_id_is_whole_too() -> None:
    request: HttpRequest = RequestFactory().get("/x")

    assert b'"request_id": ""' in pages.server_error(request).content


def test_admin_without_slash_leads_there(anonymous: APIClient) -> None:
    answer = send(anonymous, "GET", "/admin")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/docs"])
def test_a_page_takes_no_unknown_parameter(anonymous: APIClient, path: str, db: None) -> None:
    assert codes(anonymous.get(f"{path}?x=1&lang=en")) == {
        "x": "unknown_parameter",
        "lang": "unknown_parameter",
    }
