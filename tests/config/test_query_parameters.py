"""Query parameters: known, once, not empty; on every endpoint."""

import pytest
from rest_framework.test import APIClient

from tests.conftest import codes
from tests.sending import send
from users.models import User

ENDPOINTS = [
    ("GET", "/users", "page, page_size, cursor, ordering, active, client_id, role, email, status, "
     "created_after, created_before, last_login_after, last_login_before, never_logged_in, "
     "search, include"),
    ("POST", "/users", "include"),
    ("GET", "/users/current", "include"),
    ("GET", "/users/{user}", "include"),
    ("PUT", "/users/{user}", "include"),
    ("PATCH", "/users/{user}", "include"),
    ("GET", "/clients", "page, page_size, cursor, ordering, active, search, include"),
    ("POST", "/clients", "include"),
    ("GET", "/clients/{client}", "include"),
    ("PUT", "/clients/{client}", "include"),
    ("PATCH", "/clients/{client}", "include"),
    ("POST", "/auth/login", "none"),
    ("POST", "/auth/refresh", "none"),
    ("POST", "/auth/invitation", "none"),
    ("POST", "/auth/password/forgotten", "none"),
    ("POST", "/auth/password/reset", "none"),
    ("POST", "/users/{user}/invitation", "none"),
    ("POST", "/auth/logout", "none"),
    ("GET", "/auth/sessions", "page, page_size"),
    ("DELETE", "/auth/sessions", "none"),
    ("GET", "/users/{user}/sessions", "page, page_size"),
    ("DELETE", "/users/{user}/sessions", "none"),
    ("GET", "/audit-events",
     "page, page_size, actor, target, target_client, event, since, until"),
]  # fmt: skip
BODIES = {"/users": "{}", "/clients": "{}", "/auth/login": "{}", "/auth/refresh": "{}"}


@pytest.mark.parametrize(("method", "path", "known"), ENDPOINTS)
def test_unknown_parameter_is_refused_and_the_known_are_named(
    method: str, path: str, known: str, as_administrator: APIClient, regular: User
) -> None:
    target = path.format(user=regular.pk, client=regular.client_id)

    answer = send(as_administrator, method, f"{target}?pagesize=5&debug")

    faults = [error for error in answer.json()["errors"] if "parameter" in error]
    detail = f"Unknown parameter. Those there are: {known}."
    assert faults == [
        {"parameter": name, "code": "unknown_parameter", "detail": detail}
        for name in ("pagesize", "debug")
    ]
    assert as_administrator.get("/users/current").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [endpoint[:2] for endpoint in ENDPOINTS if "include" in endpoint[2]]
)
@pytest.mark.parametrize(
    ("query", "code"),
    [("include=", "blank"), ("include", "blank"), ("include=active&include=active", "invalid"),
     ("include=&include=", "invalid"), ("include=nothing", "invalid"),
     ("include=Active", "invalid"), ("include=active,nothing", "invalid"),
     ("include=%20active", "invalid"), ("include=,", "invalid"),
     ("include=active%00", "invalid")],
)  # fmt: skip
def test_include_is_checked_everywhere(
    method: str, path: str, query: str, code: str, as_administrator: APIClient, regular: User
) -> None:
    target = path.format(user=regular.pk, client=regular.client_id)

    answer = send(as_administrator, method, f"{target}?{query}", BODIES.get(path, ""))

    assert codes(answer)["include"] == code


def test_code_is_the_manner_that_alone_was_broken(as_administrator: APIClient) -> None:
    one = as_administrator.get("/users?x=1&y=2")
    two = as_administrator.get("/users?x=1&page=0")

    assert (one.json()["code"], two.json()["code"]) == ("unknown_parameter", "invalid")
    assert one.json()["detail"] == "The request has 2 errors."


def test_names_are_echoed_to_200_characters(as_administrator: APIClient) -> None:
    answer = as_administrator.get(f"/users?{'n' * 5000}=1")

    assert answer.json()["errors"][0]["parameter"] == "n" * 200


@pytest.mark.parametrize(
    "query", ["%ff=1", "%00=1", "a%0d%0aX-Evil:%201=1", "&&&=", "%F0%9F%98%80"]
)
def test_odd_names_are_unknown_parameters(query: str, as_administrator: APIClient) -> None:
    answer = as_administrator.get(f"/users?{query}")

    assert set(codes(answer).values()) == {"unknown_parameter"}
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("value", ["%ff%fe", "a%C3", "%ED%A0%80", "%F8%88%80%80%80"])
@pytest.mark.parametrize(("path", "name"), [("/users", "search"), ("/clients", "search")])
def test_values_that_are_no_text_are_refused(
    path: str, name: str, value: str, as_administrator: APIClient
) -> None:
    answer = as_administrator.get(f"{path}?{name}={value}")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"parameter": name, "code": "invalid", "detail": "Expected UTF-8."}
    ]


def test_thousands_of_parameters_are_refused(as_administrator: APIClient) -> None:
    answer = as_administrator.get("/users?" + "&".join(f"a{number}=1" for number in range(5000)))

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert len(answer.content) < 1000
