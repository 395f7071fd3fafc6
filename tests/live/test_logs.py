"""What the real server logs, and that it serves whatever becomes of its log."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.conftest import BASE_DIR, Service, serving, wait_until_ready
from tests.mails import free_port

pytestmark = pytest.mark.xdist_group("live")

JSON = {"LOG_FORMAT": "json", "WEB_WORKERS": "1"}


def test_every_line_is_json_the_servers_own_too(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with serving(environment | JSON, tmp_path / "log") as running:
        running.call("GET", "/users?search=secret-in-query", X_Request_ID="mine-1")

    printed = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert {"_granian", "roster.request"} <= {line["logger"] for line in printed}
    (line,) = [line for line in printed if line["request_id"] == "mine-1"]
    assert (line["route"], line["status"], line["user_id"]) == ("/users", 401, None)
    assert "secret" not in running.log.read_text()


@contextmanager
def serving_with(environment: dict[str, str], redirection: str, log: Path) -> Iterator[Service]:
    """Run the server with its streams redirected as a shell would; `log` is never written."""
    port = free_port()
    command = f'exec "$0" -m config.server --port {port} {redirection}'
    process = subprocess.Popen(
        ["bash", "-c", command, sys.executable],
        env=environment,
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
    )
    log.touch()
    try:
        wait_until_ready(service := Service(port, log), process)
        yield service
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(
    "redirection",
    [">/dev/full 2>/dev/full", "<&- >&- 2>&-", "> >(exec true) 2> >(exec true)"],
    ids=["full", "closed", "nobody-reads"],
)
def test_serves_without_a_log(
    redirection: str, log_format: str, environment: dict[str, str], tmp_path: Path
) -> None:
    ours = environment | JSON | {"LOG_FORMAT": log_format}
    ours.pop("PYTHONUNBUFFERED", None)  # which hides what buffers do, and few servers have
    with serving_with(ours, redirection, tmp_path / "log") as running:
        for _ in range(300):  # more than any buffer would hold back
            assert running.call("GET", "/livez").status == 200
        access = running.log_in()["access"]
        assert running.call("GET", "/users/current", token=access).status == 200
        assert running.call("GET", "/nothing").status == 404
