"""The audit trail of a server at work."""

import subprocess
import sys
from functools import partial

import pytest

from tests.live.conftest import BASE_DIR, Service, at_once

pytestmark = pytest.mark.xdist_group("live")


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Return what a command prints; it must end well."""
    command = [sys.executable, "manage.py", *arguments]
    ended = subprocess.run(
        command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_has_each_of_many_logins_at_once_and_no_fault_meanwhile(
    service: Service, root: str, environment: dict[str, str]
) -> None:
    path = "/audit-events?event=login&page_size=1"
    before = service.call("GET", path, token=root).json["count"]
    verify = partial(manage, environment, "verify_audit")

    found = at_once(verify, *[service.log_in] * 24, verify)

    assert found[0].startswith("No faults.")
    assert found[-1].startswith("No faults.")
    assert service.call("GET", path, token=root).json["count"] == before + 24
    assert verify().startswith("No faults.")


def test_is_pruned_at_work(service: Service, root: str, environment: dict[str, str]) -> None:
    prune = partial(manage, environment, "prune_audit", "--before", "2020-01-01")

    found = at_once(prune, *[service.log_in] * 8)

    assert found[0] == "Audit events pruned: 0.\n"
    assert manage(environment, "verify_audit").startswith("No faults.")
