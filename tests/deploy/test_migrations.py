"""Migrations: that they hold no table for long, and that each can be taken back."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

from tests.live.conftest import BASE_DIR, empty_database

OURS = ("users", "clients", "throttling", "audit")
# Made before anybody had tables in which much stood: they hold one while they build an index.
BEFORE_THE_FIRST_RELEASE = {
    ("audit", "0003_events_by_kind"),
    ("users", "0003_last_login_index"),
    ("users", "0004_link_cutoffs"),
    ("users", "0006_list_indexes"),
}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")
@pytest.mark.django_db(transaction=True)  # indexes are built outside of any
def test_none_holds_a_table_for_long_or_breaks_the_code_before_it() -> None:
    linter = MigrationLinter(str(BASE_DIR), no_cache=True, all_warnings_as_errors=True)
    found = set()
    for migration in MigrationLoader(connection).disk_migrations.values():
        if migration.app_label in OURS:
            before = linter.nb_erroneous
            linter.lint_migration(migration)
            if linter.nb_erroneous > before:
                found.add((migration.app_label, migration.name))

    assert linter.nb_total > len(BEFORE_THE_FIRST_RELEASE)
    assert found == BEFORE_THE_FIRST_RELEASE


def manage(url: str, *arguments: str) -> str:
    done = managed(url, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def managed(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, **settings}, cwd=BASE_DIR, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")
def test_none_lets_others_wait_behind_it_for_long(tmp_path: Path) -> None:
    """Say, because a backup reads the table all the while."""
    with empty_database(tmp_path) as url:
        manage(url, "migrate", "--verbosity", "0")
        manage(url, "migrate", "users", "0009", "--verbosity", "0")
        with psycopg.connect(url) as backup:
            backup.execute("SELECT * FROM sessions").fetchall()
            refused = managed(url, "migrate", "users", "0010")
            with psycopg.connect(url) as reader:
                reader.execute("SET statement_timeout = '1s'")
                reader.execute("SELECT * FROM sessions").fetchall()
        plan = manage(url, "showmigrations", "users")

        assert "lock timeout" in refused.stderr
        assert "[ ] 0010" in plan
        manage(url, "migrate", "users", "0010")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such index")
def test_the_pending_list_of_searches_is_as_long_as_before_where_it_is_taken_back(
    tmp_path: Path,
) -> None:
    with empty_database(tmp_path) as url:
        found = []
        for target in ("0011", "0010", "0011"):
            manage(url, "migrate", "users", target, "--verbosity", "0")
            with psycopg.connect(url) as asking:
                row = asking.execute(
                    "SELECT reloptions FROM pg_class WHERE relname = 'users_search'"
                ).fetchone()
            found.append(row and row[0])

    assert found == [["gin_pending_list_limit=128"], None, ["gin_pending_list_limit=128"]]


def test_each_can_be_taken_back_and_applied_again(tmp_path: Path) -> None:
    with empty_database(tmp_path) as url:
        manage(url, "migrate", "--verbosity", "0")
        manage(url, "seed_users")
        manage(url, "migrate", "users", "0005", "--verbosity", "0")
        manage(url, "migrate", "--verbosity", "0")
        assert "no issues" in manage(url, "check", "--database", "default")
        for app in ("users", "clients", "throttling"):
            manage(url, "migrate", app, "zero", "--verbosity", "0")

        manage(url, "migrate", "--verbosity", "0")

        assert "no issues" in manage(url, "check", "--database", "default")
        manage(url, "seed_users")
