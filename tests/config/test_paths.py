"""Paths: one trailing slash is the same endpoint; what is not documented is not there."""

from collections.abc import Iterator
from importlib import reload
from typing import Any

import pytest
from django.urls import clear_url_caches, reverse
from rest_framework.test import APIClient

from config import urls
from tests.sending import send
from users.models import User


@pytest.mark.parametrize(
    "path", ["/users", "/users/current", "/users/{user}", "/clients", "/clients/{client}",
             "/auth/sessions", "/users/{user}/sessions", "/audit-events", "/livez", "/healthz",
             "/readyz", "/.well-known/jwks.json"]
)  # fmt: skip
def test_one_trailing_slash_is_the_same_endpoint(
    path: str, as_administrator: APIClient, regular: User
) -> None:
    bare = path.format(user=regular.pk, client=regular.client_id)

    one, two = as_administrator.get(bare), as_administrator.get(f"{bare}/")
    three = as_administrator.get(f"{bare}//")

    assert (one.status_code, two.status_code, three.status_code) == (200, 200, 404)
    assert one.json() == two.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/users/"), ("PUT", "/users/{user}/"), ("PATCH", "/clients/{client}/"),
     ("POST", "/clients/"), ("POST", "/auth/login/"), ("POST", "/auth/logout/"),
     ("DELETE", "/auth/sessions/"), ("DELETE", "/users/{user}/sessions/")],
)  # fmt: skip
def test_no_method_is_ever_redirected(
    method: str, path: str, as_administrator: APIClient, regular: User
) -> None:
    target = path.format(user=regular.pk, client=regular.client_id)

    answer = send(as_administrator, method, target, "{")

    assert answer.status_code == 400


def test_names_lead_to_the_bare_paths(db: None) -> None:
    assert reverse("user-list") == "/users"
    assert reverse("user-current") == "/users/current"
    assert reverse("user-detail", args=[7]) == "/users/7"
    assert reverse("user-session-list", args=[7]) == "/users/7/sessions"
    assert reverse("session-list") == "/auth/sessions"
    assert reverse("session-detail", args=[7]) == "/auth/sessions/7"
    assert reverse("client-list") == "/clients"
    assert reverse("client-detail", args=[2**63 - 1]) == "/clients/9223372036854775807"


WORDS = """
.git .git/config .env .env.example .htaccess robots.txt favicon.ico config config/settings.py
manage.py var var/db.sqlite3 var/secret_key var/signing_keys var/signing_keys/0.pem
db.sqlite3 requirements.txt static static/
static/config static/../manage.py static/%2e%2e/manage.py static/..%2f..%2fmanage.py media debug
__debug__ __debug__/ metrics status server-status actuator actuator/health console phpmyadmin
wp-admin wp-login.php api api/ api/users api/v1/users v1/users user Users USERS users.json
users/1.json users/list users/search users/me users/export users/current/sessions
users/01/sessions users/0/sessions users/1/sessions/1 users/sessions sessions auth/session
auth/sessions/current auth/sessions/0 auth/sessions/01 auth/sessions/9223372036854775808
clients/current auth auth/ auth/register auth/password auth/login/x auth/token auth/verify oauth
token login logout graphql graphiql swagger redoc i18n jsi18n accounts/login rest-auth silk
.well-known .well-known/ .well-known/jwks .well-known/jwks.json/x .well-known/openid-configuration
jwks.json keys health livez/x readyz/x . .. %00 %0a %ff %2e users%00 users%0a users%20 users;x
\\users index.html home
"""


@pytest.fixture
def unconfigured(settings: Any) -> Iterator[None]:
    """Let the paths be those of an installation without METRICS_TOKEN, which the tests have."""
    settings.METRICS_TOKEN, given = "", settings.METRICS_TOKEN
    reload(urls)
    clear_url_caches()
    yield
    settings.METRICS_TOKEN = given
    reload(urls)
    clear_url_caches()


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize("word", WORDS.split())
def test_only_documented_paths_answer(
    word: str, anonymous: APIClient, as_administrator: APIClient
) -> None:
    for client in (anonymous, as_administrator):
        answer = client.get(f"/{word}")

        assert answer.status_code == 404, word
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"
        assert word.strip("./") == "" or f"/{word}" not in answer.content.decode()


def test_long_path_is_not_found(anonymous: APIClient) -> None:
    answer = anonymous.get("/" + "a" * 16_000)

    assert answer.status_code == 404
    assert len(answer.content) < 500
