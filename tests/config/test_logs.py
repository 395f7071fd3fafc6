"""Log lines as JSON: what is in them, what never is; a lost line is all that is lost."""

import io
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client as Browser
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.test import APIClient
from typing_extensions import override

from config import rsgi
from config.logs import Formatter, JSONFormatter, Stream
from config.middleware import RequestIdFilter
from tests.admin_site import enter
from tests.config.test_rsgi import Connection, scope, serve, upload
from tests.factories import PASSWORD
from users.models import Session, User

FORMATTERS: Any = settings.LOGGING["formatters"]
Lines = Callable[[], list[dict[str, Any]]]
KEYS = ["time", "level", "logger", "message", "request_id"]
OF_REQUESTS = ["method", "route", "status", "duration_ms", "user_id"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Let everything be logged as the service does; return what a call adds, line by line."""
    stream = io.StringIO()
    handler = Stream(stream)
    handler.setFormatter(JSONFormatter())
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)

    def read() -> list[dict[str, Any]]:
        printed = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in printed.splitlines()]

    yield read
    logging.getLogger().removeHandler(handler)


def test_a_request_is_one_object(lines: Lines, as_regular: APIClient, regular: User) -> None:
    lines()

    as_regular.get(f"/users/{regular.pk}?include=status", headers={"X-Request-ID": "mine-1"})

    (line,) = lines()
    assert list(line) == [*KEYS, *OF_REQUESTS]
    assert line["time"].endswith("Z")
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    assert 0 < line.pop("duration_ms") < 60_000
    assert line.pop("message").startswith("GET /users/<row_id:pk> 200 ")
    assert {name: line[name] for name in line if name != "time"} == {
        "level": "INFO",
        "logger": "roster.request",
        "request_id": "mine-1",
        "method": "GET",
        "route": "/users/<row_id:pk>",
        "status": 200,
        "user_id": regular.pk,
    }


@pytest.mark.parametrize("header", [None, "Bearer x"])
def test_nobody_has_no_id(header: str | None, lines: Lines, db: None) -> None:
    headers = {"Authorization": header} if header else {}

    APIClient().get("/users/current", headers=headers)
    APIClient().get("/nothing/secret-in-path?q=secret-in-query")

    assert [(line["route"], line["user_id"]) for line in lines()] == [
        ("/users/current", None),
        ("-", None),
    ]


def test_an_operator_is_named_as_long_as_they_are_logged_in(
    lines: Lines, administrator: User
) -> None:
    browser = enter(administrator)
    lines()

    browser.get("/admin/")
    administrator.sessions.all().delete()
    browser.get("/admin/")

    assert [(line["status"], line["user_id"]) for line in lines()] == [
        (200, administrator.pk),
        (302, None),
    ]


def test_what_the_server_refuses_itself_looks_alike(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsgi, "is_of_administrator", lambda _: True)

    serve(upload(("content-length", "99999999")), Connection(b"a", then="wait"))

    (line,) = lines()
    assert list(line) == [*KEYS, *OF_REQUESTS]
    assert (line["method"], line["route"], line["status"]) == ("POST", "-", 413)
    assert len(line["request_id"]) == 32


@pytest.mark.usefixtures("db")
def test_a_method_of_any_length_makes_no_long_line(lines: Lines) -> None:
    APIClient().generic("X" * 30_000, "/livez")
    serve(scope("x" * 30_000, "/livez"), Connection())

    assert [(line["method"], len(str(line)) < 1000) for line in lines()] == [("other", True)] * 2


def test_a_probe_that_is_refused_is_one_line(lines: Lines, db: None) -> None:
    MigrationRecorder(connection).record_unapplied("users", "0001_initial")

    assert APIClient().get("/readyz").status_code == 503

    assert [(line["logger"], line["level"]) for line in lines()] == [("roster.request", "INFO")]


@pytest.mark.parametrize("fault", [OperationalError, ValueError], ids=["503", "500"])
def test_every_line_of_a_failure_has_the_id_and_says_what_failed(
    fault: type[Exception], lines: Lines, regular: User
) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise fault("wrong")

    client = APIClient(raise_request_exception=False)
    with connection.execute_wrapper(fail):
        client.post(
            "/auth/login",
            {"email": regular.email, "password": PASSWORD},
            headers={"X-Request-ID": "mine-1"},
        )

    printed = lines()
    assert {line["request_id"] for line in printed} == {"mine-1"}
    assert {"roster.request", "django.request"} <= {line["logger"] for line in printed}
    told = [line for line in printed if line["logger"] == "roster.request" and "status" not in line]
    traced = [line["exception"] for line in printed if "exception" in line]
    if fault is OperationalError:  # thousands a minute, all alike, while the database is away
        assert [line["message"] for line in told] == [
            "database unavailable: OperationalError: wrong"
        ]
        assert not traced
    else:
        assert traced
        assert all("Traceback" in trace and trace.endswith(": wrong") for trace in traced)
    assert PASSWORD not in json.dumps(printed)


def test_the_token_of_a_link_is_in_no_line_of_a_failure(lines: Lines, regular: User) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(fail):
        Browser().get("/password/reset/secret-in-path")

    printed = json.dumps(lines())
    assert "/password/reset/<str:token>" in printed
    assert "secret" not in printed


@pytest.mark.parametrize("formatter", ["json", "text"])
def test_no_values_of_a_row_that_the_database_refused_are_in_a_traceback(formatter: str) -> None:
    """As PostgreSQL says it, Django says it once more."""
    said = (
        'new row violates "c"\nDETAIL:  Failing row contains (2, Ada, ada@example.com, argon2$x).'
    )
    configured: dict[str, Any] = dict(FORMATTERS[formatter])
    maker = import_string(configured.pop("()"))
    try:
        try:
            raise ValueError(said)
        except ValueError as fault:
            raise IntegrityError(str(fault)) from fault
    except IntegrityError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "m", (), sys.exc_info())
        record.request_id = "-"
        line = maker(**configured).format(record)

    assert line.count("new row violates") == 2
    assert "DETAIL" not in line
    assert "ada@example.com" not in line
    assert "argon2" not in line


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite says no values")
@pytest.mark.django_db
def test_what_postgresql_says_of_values_is_known(regular: User) -> None:
    now, agent = timezone.now(), secrets.token_hex(8)
    wrong = {"refreshed_at": now, "expires_at": now - timedelta(days=1), "user_agent": agent}

    with pytest.raises(IntegrityError, match=agent) as caught, transaction.atomic():
        Session.objects.create(user=regular, **wrong)

    line = Formatter().formatException((caught.type, caught.value, caught.tb))
    assert "sessions_expire_later" in line
    assert agent not in line


def formatted(message: Any, *args: Any, **fields: Any) -> str:
    record = logging.LogRecord("roster.x", logging.WARNING, __file__, 1, message, args, None)
    record.__dict__.update(fields)
    return JSONFormatter().format(record)


@pytest.mark.parametrize("text", ["two\nlines", "\x00\x1b[31m", "é Ж 🙂", "\udcff", '"}', "\u2028"])
def test_any_text_is_one_line_that_can_be_read_back(text: str) -> None:
    line = formatted("%s", text)

    assert line.isprintable()
    assert line.isascii()
    assert json.loads(line)["message"] == text


def test_nothing_else_that_hangs_on_a_record_goes_out() -> None:
    line = formatted("x", request="secret", password="secret", status=object())

    assert "secret" not in line
    assert json.loads(line)["status"].startswith("<object")


def test_a_stack_is_a_field() -> None:
    assert json.loads(formatted("x", stack_info="Stack (most recent call last)"))["stack"]


def alone(handler: logging.Handler) -> logging.Logger:
    """Return a logger that has this handler and no other."""
    log = logging.getLogger("alone")
    log.propagate, log.handlers = False, [handler]
    return log


class Broken(io.StringIO):
    """A log target that takes nothing."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault

    @override
    def write(self, text: str) -> int:
        raise self.fault


@pytest.mark.parametrize(
    "fault",
    [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed file")],
)
def test_a_target_that_takes_nothing_is_nobodys_fault(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(fault))
    log = alone(Stream(Broken(fault)))

    log.error("lost")


def test_no_target_at_all_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    log = alone(Stream())

    log.error("lost")


def test_a_mistake_in_a_log_call_is_still_told(capsys: pytest.CaptureFixture[str]) -> None:
    log = alone(Stream(io.StringIO()))

    log.error("%d", "not a number")

    assert "Logging error" in capsys.readouterr().err


def test_lines_to_read_are_as_they_were() -> None:
    from_settings = logging.getLogger().handlers[0]
    record = logging.LogRecord("roster.x", logging.INFO, __file__, 1, "GET /livez 200", (), None)
    RequestIdFilter().filter(record)

    assert isinstance(from_settings, Stream)
    assert from_settings.format(record).endswith(" INFO roster.x [-] GET /livez 200")
