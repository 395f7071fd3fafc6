"""Whoever takes users out leaves a row in the trail, whichever door they take."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from config.audit.models import AuditEvent
from users.models import User


def exports() -> list[tuple[int | None, str, dict[str, Any]]]:
    found = AuditEvent.objects.filter(event="users_exported").order_by("id")
    return [(event.actor_id, event.door, json.loads(event.details)) for event in found]


def test_an_export_by_the_api(as_administrator: APIClient, administrator: User) -> None:
    answer: Any = as_administrator.get("/users?role=regular", headers={"Accept": "text/csv"})

    assert b"".join(answer.streaming_content)
    noted = {"format": "csv", "filter": "role=regular"}
    assert exports() == [(administrator.pk, "api", noted)]


def test_an_export_by_a_command(administrator: User, tmp_path: Path) -> None:
    call_command("export_users", str(tmp_path / "users.xlsx"), role="regular", stderr=StringIO())

    assert exports() == [(None, "command", {"format": "xlsx", "filter": "role=regular"})]


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_no_list(as_administrator: APIClient, accept: str) -> None:
    as_administrator.get("/users", headers={"Accept": accept})

    assert exports() == []


def test_nothing_that_is_refused(as_regular: APIClient, as_administrator: APIClient) -> None:
    statuses = [
        as_regular.get("/users", headers={"Accept": "text/csv"}).status_code,
        as_administrator.get("/users?role=x", headers={"Accept": "text/csv"}).status_code,
        as_administrator.head("/users", headers={"Accept": "text/csv"}).status_code,
    ]
    with pytest.raises(CommandError):
        call_command("export_users", "x.csv", "--role=nobody")

    assert statuses == [403, 400, 200]
    assert exports() == []
