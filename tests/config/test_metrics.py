"""What is counted, by whom it can be read, and what it says while the database is away."""

import asyncio
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.test import Client as Browser
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from config import metrics, rsgi, scrape
from config.api.errors import Busy
from config.turns import Turns
from tests.admin_site import log_in
from tests.config.test_rsgi import LENGTH, LONG, Connection, scope, serve, upload
from tests.factories import PASSWORD
from tests.sending import send
from users.hashing import Hashing
from users.models import User

BEARER = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}

Sample = Callable[..., float]


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Ask the database anew, whatever it said in the test before."""
    scrape.latest.forget()


def scraped(**headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what `/metrics` says, by name and labels."""
    answer = APIClient().get("/metrics", headers={**BEARER, **headers})
    assert answer.status_code == 200, answer.content
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float:
    """Return what this process has counted, by the library's own registry."""
    return metrics.registry.get_sample_value(f"roster_{name}", labels) or 0.0


def requests(method: str, route: str, status: int) -> float:
    return value("http_requests_total", method=method, route=route, status=str(status))


# Who may read


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Bearer {settings.METRICS_TOKEN}x",
        f"Bearer {settings.METRICS_TOKEN[:-1]}",
        f"Basic {settings.METRICS_TOKEN}",
        f"Bearer  {settings.METRICS_TOKEN}",
        f"Bearer {settings.METRICS_TOKEN} x",
        "Bearer é\udcff",
    ],
)
def test_is_closed_to_whoever_has_not_the_token(header: str, anonymous: APIClient) -> None:
    given = {"HTTP_AUTHORIZATION": header} if header else {}

    answer = send(anonymous, "GET", "/metrics", **given)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert settings.METRICS_TOKEN not in answer.content.decode()


def test_an_administrator_without_the_token_is_a_stranger(as_administrator: APIClient) -> None:
    assert as_administrator.get("/metrics").status_code == 401


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_may_be_asked_under_any_host(path: str, anonymous: APIClient, db: None) -> None:
    assert anonymous.get(path, headers=BEARER, HTTP_HOST="10.1.2.3:8000").status_code == 200


def test_can_only_be_read(anonymous: APIClient) -> None:
    assert anonymous.post("/metrics", headers=BEARER).status_code == 405
    assert anonymous.get("/metrics?a=b", headers=BEARER).status_code == 400


def test_is_no_part_of_the_api(anonymous: APIClient) -> None:
    assert "/metrics" not in anonymous.get("/schema").json()["paths"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=abc", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain; version=1.x", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;escaping=x;version=", "application/openmetrics-text"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
)
def test_answers_in_the_format_that_is_asked_for(
    accept: str, content_type: str, anonymous: APIClient, db: None
) -> None:
    answer = anonymous.get("/metrics", headers={**BEARER, "Accept": accept})

    assert answer["Content-Type"].startswith(content_type)
    assert answer["Cache-Control"] == "no-store"
    is_open = content_type.startswith("application/openmetrics")
    assert answer.content.endswith(b"# EOF\n") is is_open


# Requests


def test_requests_are_counted_by_route(as_administrator: APIClient, regular: User) -> None:
    before = requests("GET", "/users/<row_id:pk>", 200)
    timed = value("http_request_duration_seconds_count", method="GET", route="/users/<row_id:pk>")

    as_administrator.get(f"/users/{regular.pk}?include=status")

    assert requests("GET", "/users/<row_id:pk>", 200) == before + 1
    labels = {"method": "GET", "route": "/users/<row_id:pk>"}
    assert value("http_request_duration_seconds_count", **labels) == timed + 1


def test_two_spellings_of_an_endpoint_are_one_route(anonymous: APIClient, db: None) -> None:
    before = requests("GET", "/readyz", 200)

    for path in ("/readyz", "/readyz/"):
        anonymous.get(path)

    assert requests("GET", "/readyz", 200) == before + 2
    assert requests("GET", "/readyz/", 200) == 0


def test_no_label_is_what_a_client_makes_up(anonymous: APIClient, db: None) -> None:
    other, unrouted = requests("other", "-", 404), requests("GET", "-", 404)

    for method, path in (("BREW", "/made-up"), ("PROPFIND", "/x/y"), ("GET", "/made-up/7")):
        send(anonymous, method, path)

    assert requests("other", "-", 404) == other + 2
    assert requests("GET", "-", 404) == unrouted + 1
    names = {label for _, labels in scraped() for label in labels}
    assert not [label for label in names if "made-up" in label[1] or "BREW" in label[1]]


def test_a_request_that_fails_is_counted_as_such(
    anonymous: APIClient, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    before = requests("POST", "/auth/login", 503)

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(fail):
        anonymous.post("/auth/login", {"email": "a@example.com", "password": PASSWORD})

    assert requests("POST", "/auth/login", 503) == before + 1


def test_what_the_server_refuses_itself_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(rsgi, "is_of_administrator", lambda _: True)
    before = {status: requests("POST", "-", status) for status in (408, 413)}

    serve(scope("POST", "/auth/login", LENGTH), Connection(b"{", then="wait"))
    serve(upload(("content-length", "99999999")), Connection(b"a", then="wait"))

    assert {status: requests("POST", "-", status) for status in (408, 413)} == {
        408: before[408] + 1,
        413: before[413] + 1,
    }
    assert value("http_requests_in_progress") == 0


def test_what_finds_no_turn_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi, "turns", turns := Turns(1, most_waiting=0))
    names = (
        "hashing_refused_total",
        "hashing_busy",
        "hashing_waiting",
        "http_requests_in_progress",
    )
    before = requests("POST", "-", 503), logins("unavailable"), value(names[0])
    seen: list[float] = []

    async def come_second() -> None:
        async with turns.wait():
            seen.extend(value(name) for name in names)
            await rsgi.app.__rsgi__(scope("POST", "/auth/login", LONG), Connection())

    asyncio.run(come_second())

    after = requests("POST", "-", 503), logins("unavailable"), value(names[0])
    assert after == (before[0] + 1, before[1] + 1, before[2] + 1)
    assert seen[1:] == [1, 0, 0]
    assert [value(name) for name in names[1:]] == [0, 0, 0]


def test_what_waits_for_a_turn_shows() -> None:
    async def wait() -> float:
        turns = Turns(1)

        async def follow() -> None:
            async with turns.wait():
                pass

        async with turns.wait():
            second = asyncio.create_task(follow())
            await asyncio.sleep(0)  # let it begin to wait
            waiting = value("hashing_waiting")
        await second
        return waiting

    assert asyncio.run(wait()) == 1
    assert value("hashing_waiting") == 0


def test_a_hash_without_room_is_counted() -> None:
    before = value("hashing_refused_total")
    with pytest.raises(Busy):
        Hashing(1, most=0).run(int)

    assert value("hashing_refused_total") == before + 1


def test_the_wait_before_a_thread_was_free_is_part_of_the_time(
    anonymous: APIClient, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"method": "GET", "route": "/livez"}
    before = value("http_request_duration_seconds_sum", **labels)
    arrived = rsgi.environ_of(scope("GET", "/livez"), io.BytesIO(), "")["roster.arrived"]

    send(anonymous, "GET", "/livez", **{"roster.arrived": arrived - 60})

    assert value("http_request_duration_seconds_sum", **labels) > before + 60


# Log-ins


def logins(result: str) -> float:
    return value("logins_total", result=result)


def try_api(email: str, password: str = PASSWORD) -> int:
    return APIClient().post("/auth/login", {"email": email, "password": password}).status_code


def try_admin(email: str, password: str = PASSWORD) -> int:
    return int(log_in(Browser(), email, password).status_code)


@pytest.mark.parametrize("attempt", [try_api, try_admin])
@pytest.mark.parametrize(
    ("password", "result"), [(PASSWORD, "succeeded"), ("another password", "refused")]
)
def test_log_ins_are_counted_at_every_door(
    attempt: Callable[..., int], password: str, result: str, administrator: User
) -> None:
    before = {name: logins(name) for name in ("succeeded", "refused", "throttled", "unavailable")}

    attempt(administrator.email, password)

    before[result] += 1
    assert {name: logins(name) for name in before} == before


def test_an_account_that_may_not_enter_here_is_refused(regular: User) -> None:
    before = logins("refused"), logins("succeeded")

    try_admin(regular.email)

    assert (logins("refused"), logins("succeeded")) == (before[0] + 1, before[1])


@pytest.mark.parametrize("attempt", [try_api, try_admin])
def test_throttled_log_ins_are_counted_apart(
    attempt: Callable[..., int], administrator: User, settings: Any
) -> None:
    settings.LOGIN_FAILURES_PER_MINUTE = 1
    attempt(administrator.email, "another password")
    before = logins("throttled"), logins("refused")

    attempt(administrator.email, "another password")

    assert (logins("throttled"), logins("refused")) == (before[0] + 1, before[1])


@pytest.mark.parametrize("attempt", [try_api, try_admin])
def test_log_ins_without_database_are_counted_apart(
    attempt: Callable[..., int], administrator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    before = logins("unavailable"), logins("refused")

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(fail):
        assert attempt(administrator.email) == 503

    assert (logins("unavailable"), logins("refused")) == (before[0] + 1, before[1])


def test_what_is_no_log_in_is_not_counted_as_one(anonymous: APIClient, db: None) -> None:
    before = [logins(result) for result in ("refused", "unavailable")]

    anonymous.post("/auth/login", {"email": "a@example.com"})
    Browser().post("/admin/login/", {"username": "", "password": ""})

    assert [logins(result) for result in ("refused", "unavailable")] == before


# What the database says


def test_says_what_the_database_holds(administrator: User, regular: User, inactive: User) -> None:
    try_api(regular.email)

    found = scraped()

    assert found["roster_database_up", ()] == 1
    assert found["roster_sessions_active", ()] == 1
    assert found["roster_users", (("role", "administrator"), ("status", "active"))] == 1
    assert found["roster_users", (("role", "regular"), ("status", "inactive"))] == 1
    assert found["roster_imports_waiting", ()] == 0


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_goes_on_without_database(fault: type[Exception], anonymous: APIClient, db: None) -> None:
    anonymous.get("/livez")

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        raise fault

    with connection.execute_wrapper(fail):
        found = scraped()

    names = {name for name, _ in found}
    assert found["roster_database_up", ()] == 0
    assert "roster_http_requests_total" in names
    assert not names & {"roster_users", "roster_sessions_active", "roster_mails_waiting"}


def test_one_table_that_cannot_be_read_is_not_the_database(db: None) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if '"mails"' in sql:
            raise OperationalError
        return execute(sql, *args)

    with connection.execute_wrapper(fail):
        found = scraped()

    assert found["roster_database_up", ()] == 1
    assert "roster_mails_waiting" not in {name for name, _ in found}


def test_asks_the_database_once_however_many_ask(
    db: None, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "KNOWN_FOR", 3600)  # however busy the machine is
    with django_assert_num_queries(6):
        for _ in range(5):
            scraped()


def test_says_what_it_is_and_what_it_takes(db: None) -> None:
    found = scraped()
    names = {name for name, _ in found}

    assert found["roster_build_info", (("version", "0.1.0"),)] == 1
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= names


# Off


def test_nothing_is_counted_without_a_token(
    anonymous: APIClient, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "IS_ON", False)
    before = requests("GET", "/livez", 200), logins("refused")

    anonymous.get("/livez")
    try_api("nobody@example.com")

    assert (requests("GET", "/livez", 200), logins("refused")) == before
