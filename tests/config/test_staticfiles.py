"""Static files before and after collectstatic."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(settings: Settings, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "config.staticfiles.CollectedFiles"},
    }
    return tmp_path


def test_a_page_comes_without_style_before_files_are_collected(root: Path) -> None:
    answer = Client().get("/admin/login/")

    assert answer.status_code == 200
    assert b'href="/static/admin/css/base.css"' in answer.content


def test_names_have_hashes_once_files_are_collected(root: Path) -> None:
    call_command("collectstatic", interactive=False, verbosity=0)

    page = Client().get("/admin/login/").content.decode()

    assert 'href="/static/admin/css/base.css"' not in page
    assert 'href="/static/admin/css/base.' in page
    assert (root / "staticfiles.json").exists()
