"""No log line holds a password, a digest or a token."""

import logging
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client as Browser
from rest_framework.test import APIClient

from tests.factories import DIGEST, PASSWORD
from tests.users.auth.calls import current, logout, refresh
from users.links import PASSWORD_RESET
from users.models import User

MISTYPED = "my-other-password-by-mistake"
NEW = "a quite unusual sentence"


def test_no_call_logs_a_secret(
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    administrator: User,
    regular: User,
) -> None:
    caplog.set_level(logging.DEBUG)
    client = APIClient()
    body = {"email": regular.email, "password": PASSWORD}
    tokens = client.post("/auth/login", body).json()
    operator = client.post("/auth/login", {**body, "email": administrator.email}).json()
    secrets = [PASSWORD, MISTYPED, NEW, DIGEST, *tokens.values(), *operator.values()]

    secrets += misuse(client, tokens, regular)
    secrets += use(client, tokens, operator)

    logged = [str(vars(record)) for record in caplog.records if record.name != "django.db.backends"]
    lines = "".join([*logged, *capfd.readouterr()])
    assert lines.count("roster.request") >= 12
    found = [secret for secret in secrets if secret in lines or secret.split(".")[-1] in lines]
    assert found == []


@pytest.mark.parametrize("fault", [OperationalError, ValueError], ids=["503", "500"])
def test_no_fault_logs_the_token_of_a_link(
    caplog: pytest.LogCaptureFixture, regular: User, fault: type[Exception]
) -> None:
    token = PASSWORD_RESET.token(regular)

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise fault

    client = Browser(raise_request_exception=False)
    with connection.execute_wrapper(fail):
        for answer in (client.get(f"/password/reset/{token}"), client.post(f"/invitation/{token}")):
            assert answer.status_code in (500, 503)

    lines = "".join(str(record.getMessage()) for record in caplog.records)
    assert "/password/reset/<str:token>" in lines
    assert token not in lines


def misuse(client: APIClient, tokens: dict[str, str], user: User) -> list[str]:
    """Make the mistakes that could bring a secret into a log; return the secrets made up here."""
    query = f"email={user.email}&password={MISTYPED}"
    assert client.get(f"/auth/login?{query}").status_code == 405
    assert client.post(f"/auth/login?{query}", {}).status_code == 400
    assert client.get(f"/auth/login/{MISTYPED}").status_code == 404
    wrong = {"email": user.email, "password": MISTYPED}
    assert client.post("/auth/login", wrong).status_code == 401
    assert client.post("/auth/login", {"email": MISTYPED, "password": MISTYPED}).status_code == 401
    assert client.post("/auth/login", {MISTYPED: MISTYPED}).status_code == 400
    broken = f'{{"password": "{MISTYPED}", '
    assert client.generic("POST", "/auth/login", broken, "application/json").status_code == 400
    assert client.get(f"/users/current?access={tokens['access']}").status_code == 401
    assert current(tokens["refresh"]).status_code == 401
    forged = tokens["access"][:-4] + "AAAA"
    assert current(forged).status_code == 401
    return [forged]


def use(client: APIClient, tokens: dict[str, str], operator: dict[str, str]) -> list[str]:
    """Do what the service is for; return the tokens it gave."""
    renewed: dict[str, str] = refresh(tokens["refresh"]).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {operator['access']}")
    new: dict[str, Any] = {"name": "Nina New", "email": "nina@example.com", "client_id": None}
    assert client.post("/users", {**new, "password": "short"}).status_code == 400
    assert client.post("/users", {**new, "password": NEW}).status_code == 201
    own = {"password": MISTYPED, "current_password": PASSWORD}
    assert client.put(f"/users/{client.get('/users/current').json()['id']}", own).status_code == 200
    assert logout(renewed["access"]).status_code == 204
    return list(renewed.values())
