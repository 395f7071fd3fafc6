"""The files for Prometheus and Grafana: what their tools say, and that they name what is there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from config import scrape

DEPLOY = Path(settings.BASE_DIR) / "docs" / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = json.loads((DEPLOY / "grafana" / "roster.json").read_text())
RULES = (PROMETHEUS / "alerts.yml").read_text()
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAME = re.compile(r"\b(?:roster|process)_[a-z0-9_]+")
# Exported by what reads from a replica, where there is one.
ELSEWHERE = {"roster_replica_lag_seconds"}


def promtool(*arguments: str, given: str | None = None, folder: Path = PROMETHEUS) -> None:
    ended = subprocess.run(
        ["promtool", *arguments],
        cwd=folder, input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def exposition(db: None) -> str:
    """Return what `/metrics` says after one request."""
    scrape.latest.forget()
    client = APIClient()
    client.get("/livez")
    bearer = f"Bearer {settings.METRICS_TOKEN}"
    return str(client.get("/metrics", headers={"Authorization": bearer}).content, "utf-8")


@pytest.fixture
def exported(exposition: str) -> set[str]:
    return {
        sample.name
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def test_prometheus_takes_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(PROMETHEUS, folder)
    (folder / "roster_token").write_text("a token")

    promtool("check", "config", "prometheus.yml", folder=folder)


def test_prometheus_takes_what_is_exported(exposition: str) -> None:
    promtool("check", "metrics", given=exposition)


def test_the_alerts_are_rules_and_do_what_they_say() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_shown_to_fire_and_to_keep_quiet() -> None:
    alerts = set(re.findall(r"alert: (\w+)", RULES))
    tests = (PROMETHEUS / "alerts.test.yml").read_text()

    assert len(alerts) >= 10
    assert set(re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:", tests)) == alerts
    assert set(re.findall(r"alertname: (\w+), eval_time: \w+}", tests)) == alerts


def test_alerts_and_dashboard_name_only_what_is_exported(exported: set[str]) -> None:
    named = {name for text in (RULES, *EXPRESSIONS) for name in NAME.findall(text)}

    assert len(named) >= 20
    assert named - ELSEWHERE <= exported


def test_the_dashboard_shows_all_that_the_service_exports(exported: set[str]) -> None:
    shown = {name for text in EXPRESSIONS for name in NAME.findall(text)}
    created = {name for name in exported if name.endswith("_created")}

    ours = {name for name in exported if name.startswith("roster_")}
    assert ours - created - shown == {"roster_workers"}


def recorded() -> Iterator[str]:
    yield "groups: [{name: dashboard, rules: ["
    for number, expression in enumerate(EXPRESSIONS):
        query = expression.replace("$__rate_interval", "5m").replace("$instance", ".+")
        yield f"{{record: 'panel:{number}', expr: {json.dumps(query)}}},"
    yield "]}]"


def test_every_query_of_the_dashboard_is_one(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text("\n".join(recorded()))

    promtool("check", "rules", "rules.yml", folder=tmp_path)


def test_the_dashboard_can_be_loaded_beside_any_data() -> None:
    assert (DASHBOARD["uid"], DASHBOARD["title"], "id" in DASHBOARD) == ("roster", "Roster", False)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        sources = [panel, *panel["targets"]]
        assert {part["datasource"]["uid"] for part in sources} == {"${datasource}"}


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
