"""Two hosts are one service: sessions, limits and the trail are shared, also through a pooler."""

import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.live.conftest import BASE_DIR, PASSWORD, Service
from tests.machines.conftest import Machines
from tests.machines.test_replica import new_administrator

WRONG = "a wrong horse battery staple"


def test_a_session_of_one_host_is_good_on_the_other_and_ends_on_both(machines: Machines) -> None:
    first, second = machines.hosts
    tokens = first.log_in()
    assert second.call("GET", "/users/current", token=tokens["access"]).status == 200

    renewed = second.call("POST", "/auth/refresh", {"refresh": tokens["refresh"]})
    assert renewed.status == 200, renewed.body
    assert first.call("POST", "/auth/logout", token=renewed.json["access"]).status == 204

    for host in machines.hosts:
        assert host.call("GET", "/users/current", token=renewed.json["access"]).status == 401
        assert (
            host.call("POST", "/auth/refresh", {"refresh": renewed.json["refresh"]}).status == 401
        )


def test_failures_count_whichever_host_is_tried(machines: Machines) -> None:
    first, _ = machines.hosts
    email = new_administrator(first, first.log_in()["access"])

    def try_in(host: Service, password: str) -> int:
        body = {"email": email, "password": password}
        return host.call("POST", "/auth/login", body).status

    tried = [try_in(machines.hosts[number % 2], WRONG) for number in range(11)]

    assert tried == [401] * 10 + [429]
    assert [try_in(host, PASSWORD) for host in machines.hosts] == [429, 429]


def test_what_both_hosts_do_is_one_trail_that_verifies(machines: Machines) -> None:
    tokens = [host.log_in()["access"] for host in machines.hosts]
    marks = [secrets.token_hex(8) for _ in range(40)]

    def create(number: int) -> int:
        host, token = machines.hosts[number % 2], tokens[number % 2]
        body = {"name": f"Client {marks[number]}"}
        return host.call("POST", "/clients", body, token=token, X_Request_ID=marks[number]).status

    with ThreadPoolExecutor(16) as pool:  # the pooler has three connections
        assert set(pool.map(create, range(40))) == {201}

    listed = machines.hosts[1].call(
        "GET", "/audit-events?event=client_created&page_size=100", token=tokens[1]
    )
    assert set(marks) <= {event["request_id"] for event in listed.json["results"]}
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify_audit"], env=machines.environment, cwd=BASE_DIR,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
