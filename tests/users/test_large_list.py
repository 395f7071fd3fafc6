"""A list of 100,000 users."""

import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from statistics import quantiles

from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.conftest import Login
from users.models import User


def least_p95(call: Callable[[], object]) -> float:
    """Return the best of three turns: whatever else the machine does can only add."""
    return min(p95(call) for _ in range(3))


def p95(call: Callable[[], object]) -> float:
    """Return the 95th percentile of 20 calls in seconds."""
    took = []
    for _ in range(20):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return quantiles(took, n=20)[-1]


def test_first_and_last_page_of_100_000_come_in_time(
    db: None, login: Login, settings: Settings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    call_command("seed_users", "--users", "99999", "--clients", "100", stdout=StringIO())
    with connection.cursor() as cursor:  # no other transaction sees these rows to count them
        cursor.execute("ANALYZE users")
        cursor.execute("ANALYZE clients")
    password = (tmp_path / "demo_password").read_text()
    client: APIClient = login(User.objects.get(email="admin@demo.example"), password)
    assert client.get("/users").json()["count"] == 100_000

    for page in (1, 4000):
        assert len(client.get(f"/users?page={page}").json()["results"]) == 25
        assert least_p95(lambda page=page: client.get(f"/users?page={page}")) < 0.3  # type: ignore[misc] # bound at once
