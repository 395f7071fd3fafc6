"""A running server with a database of its own, and how to talk to it."""

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.conf import settings
from selenium import webdriver

from tests.live.browser import BROWSERS, chromium, log_in
from tests.mails import free_port

BASE_DIR = Path(settings.BASE_DIR)
ROOT = "root@example.com"
PASSWORD = "correct horse battery staple"
NO_LIMITS = {  # all tests share an address and an administrator, and some fail to log in on end
    "LOGIN_FAILURES_PER_MINUTE": "10000",
    "LOGIN_FAILURES_PER_DAY": "10000",
    "ADDRESS_FAILURES_PER_MINUTE": "10000",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Service:
    """The server's address, and calls in the words of the API."""

    port: int
    log: Path
    address: str = ""  # from which we call; the system chooses

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str
    ) -> Answer:
        source = (self.address, 0) if self.address else None
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=source
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def log_in(self, email: str = ROOT, password: str = PASSWORD) -> dict[str, str]:
        answer = self.call("POST", "/auth/login", {"email": email, "password": password})
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def create_client(self, token: str) -> int:
        answer = self.call("POST", "/clients", {"name": secrets.token_hex(6)}, token=token)
        assert answer.status == 201, answer.body
        return int(answer.json["id"])

    def create_user(self, token: str, *, client_id: int | None) -> dict[str, Any]:
        unique = secrets.token_hex(6)
        body = {"name": unique, "email": f"{unique}@example.com", "password": PASSWORD}
        answer = self.call("POST", "/users", {**body, "client_id": client_id}, token=token)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


def at_once(*calls: Any) -> list[Any]:
    """Run the calls in threads that start together; return their results in order."""
    barrier = Barrier(len(calls))

    def run(call: Any) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(tmp_path_factory.mktemp("live")) as url:
        yield url


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """Lend the URL of an empty database of the kind that the tests run on."""
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    name = f"live_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield url.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def environment(database_url: str) -> dict[str, str]:
    return prepare(database_url)


def prepare(database_url: str) -> dict[str, str]:
    """Return the server's environment, with one administrator, ROOT, in its database."""
    environment = os.environ | {
        **NO_LIMITS,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_SUPERUSER_EMAIL": ROOT,
        "DJANGO_SUPERUSER_NAME": "Root",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "createsuperuser", "--noinput")
    return environment


def with_limits(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with the default limits on failures."""
    return {name: value for name, value in environment.items() if name not in NO_LIMITS}


def manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, env=environment, cwd=BASE_DIR, check=True, capture_output=True)


@pytest.fixture(scope="session")
def service(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Start the production server."""
    with serving(environment, tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def collected(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return the server's environment with its static files collected, as browsers need them."""
    ours = environment | {
        "DJANGO_SETTINGS_MODULE": "tests.live.settings",
        "LIVE_STATIC_ROOT": str(tmp_path_factory.mktemp("collected") / "static"),
    }
    manage(ours, "collectstatic", "--noinput", "--verbosity", "0")
    return ours


@pytest.fixture(scope="module")
def console(
    collected: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Serve the operators' site with its files; its data is that of `service`."""
    with serving(collected, tmp_path_factory.mktemp("console") / "log") as running:
        yield running


@pytest.fixture(params=BROWSERS)
def operator(console: Service, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Lend a browser in which ROOT has logged in to `console`."""
    with chromium(tmp_path / "profile") as driver:
        log_in(driver, console.origin, ROOT, PASSWORD)
        yield driver


@contextmanager
def serving(
    environment: dict[str, str], log: Path, *, port: int = 0, folder: Path = BASE_DIR
) -> Iterator[Service]:
    """Run the server of the code in `folder`, whose var/ it uses."""
    port = port or free_port()
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "config.server", "--port", str(port)]
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=stream, stderr=subprocess.STDOUT
        )
    running = Service(port, log)
    try:
        wait_until_ready(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=40)
    printed = log.read_text()
    assert "Traceback" not in printed, printed
    assert PASSWORD not in printed


def wait_until_ready(service: Service, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if service.call("GET", "/readyz").status == 200:
                return
        except OSError:
            pass
    raise RuntimeError(service.log.read_text())


@pytest.fixture
def root(service: Service) -> str:
    """Return an access token of ROOT."""
    return service.log_in()["access"]
