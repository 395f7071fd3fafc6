"""X-Request-ID: on every answer, in the problem and in the log."""

import logging
import re

import pytest
from rest_framework.test import APIClient

from config.middleware import RequestIdFilter
from tests.sending import send

MADE = re.compile(r"[0-9a-f]{32}\Z")


@pytest.mark.parametrize("given", ["a", "A-b.c_9", "x" * 64, "0", "-", "..."])
def test_keeps_the_callers_own(given: str, anonymous: APIClient, db: None) -> None:
    for path in ("/livez", "/users", "/nothing", "/"):
        answer = anonymous.get(path, headers={"X-Request-ID": given})

        assert answer["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given",
    ["", " ", "x" * 65, "a b", "a,b", "é", "a\n", "a\r\nX-Evil: 1", "<b>", "a/b", "%41", "a\x00"],
)
def test_makes_a_new_one_of_anything_else(given: str, anonymous: APIClient, db: None) -> None:
    answer = anonymous.get("/users", HTTP_X_REQUEST_ID=given)

    assert MADE.match(answer["X-Request-ID"])
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert "X-Evil" not in answer.headers


def test_is_new_for_each_request(anonymous: APIClient, db: None) -> None:
    made = {anonymous.get("/livez")["X-Request-ID"] for _ in range(20)}

    assert len(made) == 20


@pytest.mark.parametrize(
    ("method", "path", "host"),
    [("GET", "/users", "testserver"), ("GET", "/nothing", "testserver"),
     ("DELETE", "/users", "testserver"), ("POST", "/livez", "testserver"),
     ("GET", "/users", "evil.example"), ("POST", "/auth/login", "testserver")],
)  # fmt: skip
def test_is_in_the_problem_too(
    method: str, path: str, host: str, anonymous: APIClient, db: None
) -> None:
    answer = send(anonymous, method, path, headers={"X-Request-ID": "mine-1"}, HTTP_HOST=host)

    assert answer.json()["request_id"] == answer["X-Request-ID"] == "mine-1"


def test_is_in_the_log_and_the_path_is_not(
    anonymous: APIClient, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    with caplog.at_level(logging.INFO):
        anonymous.get("/users/7?search=secret-in-query", headers={"X-Request-ID": "mine-2"})
        anonymous.get("/secret-in-path", headers={"X-Request-ID": "mine-2"})

    lines = [record for record in caplog.records if record.name == "roster.request"]
    assert [getattr(record, "request_id", None) for record in lines] == ["mine-2"] * 2
    assert [record.getMessage().split(" ")[:3] for record in lines] == [
        ["GET", "/users/<row_id:pk>", "401"],
        ["GET", "/-", "404"],
    ]
    assert "secret" not in caplog.text


def test_is_unset_between_requests() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "x", None, None)
    RequestIdFilter().filter(record)

    assert getattr(record, "request_id", None) == "-"
