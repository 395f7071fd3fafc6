"""Sessions and messages are for pages; the API has neither, and pages keep their protection."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from config.audit.origin import Door, door_of


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield f"/{path.replace('^', '')}", entry.callback
        else:
            yield from routes(entry, path)


def test_whatever_is_checked_for_forgery_is_a_page() -> None:
    checked = {path for path, view in routes(get_resolver()) if not _is_exempt(view)}

    assert "/admin/login/" in checked
    assert {path for path in checked if door_of(path) is Door.API} == set()


def _is_exempt(view: Any) -> bool:
    return getattr(view, "csrf_exempt", False)


@pytest.mark.parametrize(
    ("path", "is_page"), [("/users/current", False), ("/auth/sessions", False), ("/admin/", True)]
)
def test_sessions_are_for_pages(as_regular: APIClient, path: str, is_page: bool) -> None:
    answer = as_regular.get(path)

    assert hasattr(answer.wsgi_request, "session") is is_page


def test_no_answer_of_the_api_sets_or_varies_by_a_cookie(as_regular: APIClient) -> None:
    as_regular.cookies["roster_admin"] = "whatever"
    answer = as_regular.get("/users/current")

    assert answer.status_code == 200
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
