"""`/metrics` of the real server: its workers are one answer, the dead ones too."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.conftest import ROOT, Service, serving

pytestmark = pytest.mark.xdist_group("live")

TOKEN = secrets.token_hex(16)
ROUTE = {"method": "GET", "route": "/livez"}


@pytest.fixture(scope="module")
def watched(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    ours = environment | {"METRICS_TOKEN": TOKEN, "WEB_WORKERS": "2"}
    with serving(ours, tmp_path_factory.mktemp("watched") / "log") as running:
        yield running
    assert TOKEN not in running.log.read_text()


def scrape(service: Service) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples, by name and then by labels."""
    answer = service.call("GET", "/metrics", token=TOKEN)
    assert answer.status == 200, answer.body
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def served(service: Service) -> float:
    labels = tuple(sorted({**ROUTE, "status": "200"}.items()))
    return scrape(service)["roster_http_requests_total"].get(labels, 0)


def workers(service: Service) -> list[int]:
    """Return the processes that have served something."""
    found = scrape(service)["process_start_time_seconds"]
    newest_first = sorted(found, key=lambda labels: -found[labels])
    return [int(dict(labels)["pid"]) for labels in newest_first]


def test_all_workers_are_one_answer(watched: Service) -> None:
    before = served(watched)

    for _ in range(40):
        watched.call("GET", "/livez")

    assert [served(watched) - before for _ in range(10)] == [40] * 10
    timed = scrape(watched)["roster_http_request_duration_seconds_count"]
    assert timed[tuple(sorted(ROUTE.items()))] >= before + 40


def test_log_ins_of_all_workers_are_one_number(watched: Service) -> None:
    before = scrape(watched)["roster_logins_total"]

    for _ in range(4):
        watched.log_in()
    watched.call("POST", "/auth/login", {"email": ROOT, "password": "not the password"})

    after = scrape(watched)["roster_logins_total"]
    gained = {dict(labels)["result"]: after[labels] - before[labels] for labels in after}
    assert gained == {"succeeded": 4, "refused": 1, "throttled": 0, "unavailable": 0}


def test_what_is_in_progress_is_the_scrape_itself(watched: Service) -> None:
    assert is_alone(watched)


def test_a_worker_that_dies_takes_no_count_with_it(watched: Service) -> None:
    for _ in range(20):
        watched.call("GET", "/livez")
    before, killed = served(watched), workers(watched)[0]
    assert scrape(watched)["roster_worker_restarts_total"] == {(): 0}

    with watched.connect() as held:  # a request in progress in one of the two
        held.sendall(b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while restarts(watched) < 1 and time.monotonic() < deadline:
            pass

    assert restarts(watched) == 1
    assert served(watched) >= before
    assert killed not in workers(watched)
    assert is_alone(watched)


def restarts(service: Service) -> float:
    try:
        return scrape(service)["roster_worker_restarts_total"][()]
    except OSError:  # the connection was one of the killed worker
        return 0


def is_alone(service: Service) -> bool:
    """Tell whether a scrape sees itself alone, soon: an answer arrives before it is counted off."""
    deadline = time.monotonic() + 30
    while scrape(service)["roster_http_requests_in_progress"] != {(): 1}:
        if time.monotonic() > deadline:
            return False
    return True


def test_without_token_it_is_an_unknown_address(service: Service) -> None:
    for method, headers in (("GET", {}), ("POST", {}), ("GET", {"Host": "10.1.2.3"})):
        here, nowhere = (
            service.call(method, path, X_Request_ID="same", token=TOKEN, **headers)
            for path in ("/metrics", "/nothing")
        )
        assert (here.status, here.body) == (nowhere.status, nowhere.body)
    assert here.status == 400


def test_leaves_nothing_behind(environment: dict[str, str], tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    (counts / "counter_1.db").write_bytes(b"of a server that has gone")
    ours = environment | {"METRICS_TOKEN": TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(counts)}

    with serving(ours, tmp_path / "log") as running:
        assert served(running) == 0
        names = {file.name for file in counts.iterdir()}

    assert "counter_1.db" not in names
    assert any(name.startswith("histogram_") for name in names)
