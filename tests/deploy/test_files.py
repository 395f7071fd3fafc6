"""What an installation is made of: the image, the containers, the units, their settings."""

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typing_extensions import override

from tests.live.conftest import BASE_DIR

UNITS = sorted((BASE_DIR / "docs/deploy/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXAMPLE = (BASE_DIR / ".env.example").read_text()
KNOWN = set(re.findall(r"^# (\w+)=", EXAMPLE, re.MULTILINE))
# Of Python, systemd, the proxy and the database; and what compose itself fills in.
NOT_OURS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def composed() -> dict[str, Any]:
    return dict(yaml.safe_load((BASE_DIR / "compose.yaml").read_text()))


def ours() -> dict[str, Any]:
    """Return the services of compose.yaml that run the image."""
    return {name: made for name, made in composed()["services"].items() if "build" in made}


def unit(path: Path) -> configparser.RawConfigParser:
    class Repeated(dict[str, Any]):
        @override
        def __setitem__(self, key: str, value: Any) -> None:
            if key in self and isinstance(value, list):
                self[key].extend(value)
                return
            super().__setitem__(key, value)

    parser = configparser.RawConfigParser(dict_type=Repeated, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as it is spelt
    parser.read(path)
    return parser


def tool(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / words[0]
    return subprocess.run(
        [program, *words[1:]], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def test_the_dockerfile_is_without_blemish() -> None:
    done = tool("hadolint", "Dockerfile")

    assert done.returncode == 0, done.stdout


def test_the_composition_is_what_compose_understands() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")

    assert done.returncode == 0, done.stdout


def test_the_image_is_not_rooted_and_holds_its_code_alone() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE)

    assert re.findall(r"^USER (.*)", dockerfile, re.MULTILINE) == ["10001:10001"]
    allowed = re.findall(r"^!(.*)", (BASE_DIR / ".dockerignore").read_text(), re.MULTILINE)
    assert set(copied) == set(allowed)
    assert all((BASE_DIR / name).exists() for name in copied)


@pytest.mark.parametrize("name", ours())
def test_no_container_of_ours_can_do_what_it_need_not(name: str) -> None:
    service = ours()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "ports" not in service  # the proxy is the only door


def test_only_the_proxy_is_reached_from_outside() -> None:
    made = composed()

    assert [name for name, it in made["services"].items() if "ports" in it] == ["proxy"]
    assert made["networks"]["back"]["internal"]
    assert made["networks"]["front"]["internal"]


def test_whoever_scrapes_reaches_the_service_alone() -> None:
    made = composed()

    assert made["networks"]["metrics"]["internal"]
    assert [name for name, it in made["services"].items() if "metrics" in it["networks"]] == ["web"]
    assert (
        made["services"]["web"]["environment"]["TRUSTED_PROXIES"]
        == (made["networks"]["front"]["ipam"]["config"][0]["subnet"])
    )  # what asks over another network is no proxy


@pytest.mark.parametrize(
    "name", ["METRICS_TOKEN", "LOG_FORMAT", "DRAIN_SECONDS", "STATEMENT_TIMEOUT"]
)
def test_what_runs_it_can_be_set(name: str) -> None:
    for service in ours().values():
        assert service["environment"][name] == f"${{{name}:-}}"  # empty is unset


def test_the_database_is_healthy_when_it_listens() -> None:
    check = composed()["services"]["database"]["healthcheck"]["test"]

    assert check[1] == "pg_isready"
    assert "--host=127.0.0.1" in check  # the socket has an answer while the image sets up


@pytest.mark.parametrize("name", ["traceparent", "tracestate"])
def test_the_proxy_passes_no_trace_of_strangers_on(name: str) -> None:
    caddyfile = (BASE_DIR / "docs/deploy/Caddyfile").read_text()

    _, _, passed_on = caddyfile.partition("reverse_proxy")
    assert f"header_up -{name}\n" in passed_on


def test_the_database_keeps_what_it_has_acknowledged() -> None:
    text = (BASE_DIR / "compose.yaml").read_text()

    for dangerous in ("fsync", "synchronous_commit", "full_page_writes"):
        assert dangerous not in text


def test_each_setting_that_is_given_is_one() -> None:
    for name, service in ours().items():
        unknown = set(service["environment"]) - KNOWN
        assert not unknown, name
    for path in SERVICES:
        given = {
            pair.partition("=")[0] for pair in shlex.split(unit(path)["Service"]["Environment"])
        }
        assert given - NOT_OURS <= KNOWN, path.name
    installer = (BASE_DIR / "docs/deploy/install.sh").read_text()
    written = installer.partition("<<SETTINGS\n")[2].partition("\nSETTINGS\n")[0]
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", written, re.MULTILINE)) <= KNOWN


def test_each_secret_that_is_read_is_made() -> None:
    made = composed()
    script = (BASE_DIR / "docs/deploy/secrets.sh").read_text()

    for name, service in ours().items():
        files = {value for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}, name
    for secret, where in made["secrets"].items():
        assert where == {"file": f"./secrets/{secret}"}
        assert re.search(rf"\b{secret}\b", script)


def test_the_secrets_are_made_once_and_understood(tmp_path: Path) -> None:
    script = BASE_DIR / "docs/deploy/secrets.sh"
    for _ in range(2):
        subprocess.run([script], cwd=tmp_path, check=True, capture_output=True)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        (tmp_path / "secrets/email_url").write_text("smtps://u:p@mail.example.com:465\n")
    again = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    assert {**made, "email_url": again["email_url"]} == again
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    service = ours()["web"]["environment"]
    environment = {
        key: str(tmp_path / "secrets" / Path(value).name)
        for key, value in service.items()
        if key.endswith("_FILE")
    } | {"PUBLIC_URL": "https://accounts.example.com", "VAR_DIR": str(tmp_path / "var")}
    done = subprocess.run(
        [sys.executable, "-c", "from config import settings as s; print(s.SECRET_KEY)"],
        cwd=BASE_DIR, env=environment | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == again["secret_key"].strip()


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_each_unit_runs_what_there_is_and_is_confined(path: Path) -> None:
    service = unit(path)["Service"]

    words = service["ExecStart"].split("\n")[0]
    assert "/opt/roster/.venv/bin/python" in words
    if "manage.py" in words:
        command = words.partition("manage.py ")[2].split()[0]
        found = [*BASE_DIR.glob(f"*/management/commands/{command}.py")]
        assert found, command
    else:
        assert "-m config.server" in words
    assert service["User"] == service["Group"] == "roster"
    expected = {"ProtectSystem": "strict", "NoNewPrivileges": "true", "CapabilityBoundingSet": "",
                "PrivateTmp": "true", "ProtectHome": "true", "UMask": "0077"}  # fmt: skip
    assert {key: service[key] for key in expected} == expected


def test_the_service_may_read_what_its_metrics_are_made_of() -> None:
    service = unit(BASE_DIR / "docs/deploy/systemd/roster.service")["Service"]

    assert service.get("ProcSubset", "all") == "all"  # or there is no /proc/stat


def test_the_default_drain_ends_before_a_manager_kills() -> None:
    default = re.search(r"^# DRAIN_SECONDS=(\d+)$", EXAMPLE, re.MULTILINE)
    service = unit(BASE_DIR / "docs/deploy/systemd/roster.service")["Service"]
    grace = ours()["web"]["stop_grace_period"]

    assert default
    needed = int(default[1]) + 35
    assert int(service["TimeoutStopSec"]) >= needed
    assert grace == "${STOP_GRACE_PERIOD:-40s}"
    assert int(re.sub(r"\D", "", grace)) >= needed


def test_the_nightly_backup_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    now = time.time()
    for name, days in {
        ".roster-2026-01-01.backup.abcdefgh.part": 1.1,
        ".roster-2026-01-02.backup.abcdefgh.part": 0.9,
        "roster-2026-01-01.backup": 13,
        ".profile": 30,
    }.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now, now - days * 86400))
    service = unit(BASE_DIR / "docs/deploy/systemd/roster-backup.service")["Service"]
    for line in (service["ExecStartPre"], service["ExecStartPost"]):
        subprocess.run(shlex.split(line.replace("/var/backups/roster", str(tmp_path))), check=True)

    assert {path.name for path in tmp_path.iterdir()} == {
        ".roster-2026-01-02.backup.abcdefgh.part", "roster-2026-01-01.backup", ".profile",
    }  # fmt: skip


def test_each_timer_has_its_unit() -> None:
    timers = [path for path in UNITS if path.suffix == ".timer"]

    assert timers
    for timer in timers:
        assert timer.with_suffix(".service") in SERVICES
        installer = (BASE_DIR / "docs/deploy/install.sh").read_text()
        assert timer.name in installer


@pytest.mark.parametrize("script", ["secrets.sh", "install.sh"])
def test_each_script_is_shell(script: str) -> None:
    done = subprocess.run(
        ["sh", "-n", BASE_DIR / "docs/deploy" / script], check=False, capture_output=True
    )

    assert done.returncode == 0, done.stderr


def test_the_health_check_asks_what_there_is() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    (command,) = re.findall(r"^  CMD (\[.*\])$", dockerfile, re.MULTILINE)

    assert "http://127.0.0.1:8000/livez" in json.loads(command)[-1]
