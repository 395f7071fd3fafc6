"""Headers of answers, and those of requests that change nothing."""

from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from config import settings as configured
from tests.sending import send
from users.models import User

API = ["/users", "/users/current", "/users/{user}", "/clients", "/clients/{client}", "/auth/login",
       "/auth/sessions", "/auth/sessions/7", "/users/{user}/sessions", "/audit-events"]  # fmt: skip
EVIL = "https://evil.example"
FRIEND = "https://app.example.com"


def of_cors(answer: Any) -> set[str]:
    return {name for name in answer.headers if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", API)
def test_nothing_of_the_api_is_stored(
    path: str, as_administrator: APIClient, regular: User, anonymous: APIClient
) -> None:
    target = path.format(user=regular.pk, client=regular.client_id)
    for client in (as_administrator, anonymous):
        for method in ("GET", "PUT", "POST", "DELETE"):
            answer = send(client, method, target)
            assert answer["Cache-Control"] == "no-store"
            assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/users/current", "/nothing", "/livez", "/"])
def test_answers_are_hardened(path: str, as_administrator: APIClient) -> None:
    answer = as_administrator.get(path)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not {"Server", "X-Powered-By"} & set(answer.headers)
    assert "Set-Cookie" not in answer


def test_data_may_load_nothing(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users/current")

    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/password/forgotten"])
def test_pages_may_load_their_own_files_alone(path: str, anonymous: APIClient, db: None) -> None:
    policy = anonymous.get(path)["Content-Security-Policy"]

    assert policy.split("; ") == [
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]


@pytest.mark.parametrize(
    "accept",
    ["application/xml", "text/html", "*/*;q=0", "////", "", "application/json;q=0", "x" * 10_000,
     "application/json; version=2", "text/html, application/xml;q=0.9"],
)  # fmt: skip
def test_answers_json_whatever_is_accepted(accept: str, as_administrator: APIClient) -> None:
    good = as_administrator.get("/users", headers={"Accept": accept})
    bad = as_administrator.get("/users?x=1", headers={"Accept": accept})

    assert (good.status_code, good["Content-Type"]) == (200, "application/json")
    assert (bad.status_code, bad["Content-Type"]) == (400, "application/problem+json")


def test_answers_are_utf_8(as_administrator: APIClient) -> None:
    as_administrator.post("/clients", {"name": "Zoë 王"})

    answer: Any = as_administrator.get("/clients")

    assert "Zoë 王".encode() in answer.content


# Cross-origin: off unless an origin is named


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost"])
@pytest.mark.parametrize("path", ["/users", "/auth/login", "/livez", "/", "/nothing"])
def test_no_origin_is_allowed_unless_configured(
    path: str, origin: str, as_administrator: APIClient
) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for method in ("GET", "OPTIONS"):
        answer = send(as_administrator, method, path, headers=preflight)

        assert of_cors(answer) == set()
        assert origin not in str(answer.headers)
        assert method == "GET" or answer.status_code in (404, 405)


@pytest.fixture
def friendly(settings: LazySettings) -> None:
    """The settings with one origin allowed; the pattern is what settings.py then has."""
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]
    settings.CORS_URLS_REGEX = (
        r"^/(auth|users|clients|audit-events|schema|openapi\.json|\.well-known/jwks\.json)(/|$)"
    )


@pytest.mark.usefixtures("friendly")
def test_the_configured_origin_may_read_and_be_asked_for(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users", headers={"Origin": FRIEND})
    preflight = as_administrator.options(
        "/users/7", headers={"Origin": FRIEND, "Access-Control-Request-Method": "PUT"}
    )

    assert answer["Access-Control-Allow-Origin"] == FRIEND
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert exposed == set(configured.CORS_EXPOSE_HEADERS)
    assert "origin" in answer["Vary"].lower()
    assert preflight.status_code == 200
    assert preflight["Access-Control-Allow-Origin"] == FRIEND
    assert "PUT" in preflight["Access-Control-Allow-Methods"]
    for one in (answer, preflight):
        assert "Access-Control-Allow-Credentials" not in one


@pytest.mark.usefixtures("friendly")
@pytest.mark.parametrize("path", ["/schema", "/openapi.json", "/.well-known/jwks.json"])
def test_what_everybody_may_read_can_be_read_there_too(path: str, anonymous: APIClient) -> None:
    answer = anonymous.get(path, headers={"Origin": FRIEND})

    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, FRIEND)


@pytest.mark.usefixtures("friendly")
def test_refusals_can_be_read_there_too(anonymous: APIClient, db: None) -> None:
    answer = anonymous.get("/users", headers={"Origin": FRIEND})

    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == FRIEND


@pytest.mark.usefixtures("friendly")
@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "*", "http://app.example.com", f"{FRIEND}:8443", f"{FRIEND}.evil.example",
     "https://x.app.example.com", "https://app.example.com@evil.example"],
)  # fmt: skip
def test_no_other_origin_is_allowed(origin: str, as_administrator: APIClient) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for method in ("GET", "OPTIONS"):
        answer = send(as_administrator, method, "/users", headers=preflight)

        assert of_cors(answer) == set()


@pytest.mark.usefixtures("friendly")
@pytest.mark.parametrize("path", ["/admin/", "/livez", "/", "/usersx", "/docs"])
def test_pages_are_never_shared(path: str, as_administrator: APIClient) -> None:
    assert of_cors(as_administrator.get(path, headers={"Origin": FRIEND})) == set()
