"""What requests take without the part of the read path that `LEFT_OUT` names.

Prints the least CPU of this process for each of `CALLS`, in µs a request; the server's own is not
in it.
"""

import io
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.apps import apps
from django.conf import settings

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from rest_framework.response import Response

from config import rsgi
from config.api import pagination, views
from config.compiled import CompiledQuery
from tests.bench.settings import LEFT_OUT
from users.auth import tokens
from users.lifecycle import open_session
from users.models import User
from users.views import UserViewSet

BATCHES, BATCH = 40, 20
CALLS = ("/users/current", "/users/2", "/users")
ADMINISTRATOR = "admin@demo.example"


def replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def compile_each_time() -> None:
    run = CompiledQuery.__call__

    def run_anew(query: CompiledQuery, **values: Any) -> Any:
        query._plans.clear()
        return run(query, **values)

    replace(CompiledQuery, "__call__", run_anew)


def check_each_signature() -> None:
    for name in ("_verified_access", "_kid_of"):
        replace(tokens, name, getattr(tokens, name).__wrapped__)


def answer_by_drf() -> None:
    def answer(data: Any, status: int = 200, headers: Any = None) -> Response:
        return Response(data, status, headers=headers)

    for module in (pagination, views):
        replace(module, "Answer", answer)


def list_by_the_models() -> None:
    replace(UserViewSet, "first_page", lambda view, query, using: None)


def count_the_rows() -> None:
    list_by_the_models()
    replace(UserViewSet, "known_total", lambda view, query, using: None)


LEAVE_OUT: dict[str, Callable[[], None]] = {
    "queries compiled once": compile_each_time,
    "signature checked once": check_each_signature,
    "answers encoded where they are made": answer_by_drf,
    "first page without models": list_by_the_models,
    "first page without models, count by triggers": count_the_rows,
}


class Scope:
    """A request as Granian describes it."""

    method, query_string, scheme, http_version = "GET", "", "http", "1.1"
    server = client = "127.0.0.1:80"

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        self.path, self.headers = path, headers


def access_of_administrator() -> str:
    user = User.objects.get(email=ADMINISTRATOR)
    lifetime = settings.SESSION_LIFETIME
    session = open_session(
        user, digest=user.password, lifetime=lifetime, user_agent="", address=None
    )
    assert session
    return tokens.access_token(session)


def time_of_batch(path: str, headers: dict[str, str]) -> float:
    before = time.process_time()
    for _ in range(BATCH):
        status, *_ = rsgi.respond(rsgi.environ_of(Scope(path, headers), io.BytesIO(), ""))
        assert status == 200, path
    return (time.process_time() - before) / BATCH * 1e6


def main() -> None:
    LEAVE_OUT.get(LEFT_OUT, lambda: None)()
    logging.disable(logging.CRITICAL)  # the line of each request goes nowhere here
    headers = {"host": "127.0.0.1", "authorization": f"Bearer {access_of_administrator()}"}
    for path in CALLS:
        took = min(time_of_batch(path, headers) for _ in range(BATCHES))
        sys.stdout.write(f"{took:.1f}\n")


if __name__ == "__main__":
    main()
