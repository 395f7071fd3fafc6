"""Taking users out of the operators' list: what the filter shows, every page, nothing secret."""

import csv
import io
from typing import Any

import pytest
from django.test import Client as Browser
from openpyxl import load_workbook

from config.audit.models import AuditEvent
from tests.admin_site import enter
from tests.factories import UserFactory
from users.models import User

LIST = "/admin/users/user/"


def taken(browser: Browser, query: str = "") -> list[dict[str, str]]:
    answer: Any = browser.get(f"{LIST}export.csv{query}")
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["rita", "stan", "ina", "ada"]),
        ("?role=regular", ["rita", "stan", "ina"]),
        ("?status=inactive", ["ina"]),
        ("?q=RITA", ["rita"]),
        ("?q=example&o=-1&p=1", ["rita", "stan", "ina", "ada"]),
    ],
)
@pytest.mark.usefixtures("regular", "stranger", "inactive")
def test_takes_out_what_the_list_shows(browser: Browser, query: str, found: list[str]) -> None:
    assert [row["email"].partition("@")[0] for row in taken(browser, query)] == found


def test_takes_out_every_page(browser: Browser) -> None:
    UserFactory.create_batch(130)

    assert len(taken(browser)) == 131


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_takes_out_no_secret(browser: Browser, administrator: User, form: str) -> None:
    answer: Any = browser.get(f"{LIST}export.{form}")

    assert administrator.password.encode() not in b"".join(answer.streaming_content)
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"] == f'attachment; filename="users.{form}"'


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+1", "-1", "=cmd|' /C calc'!A0"])
def test_leaves_a_formula_inert(browser: Browser, regular: User, name: str) -> None:
    User.objects.filter(pk=regular.pk).update(name=name)

    shown = taken(browser, "?role=regular")[0]["name"]
    answer: Any = browser.get(f"{LIST}export.xlsx?role=regular")
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))

    assert shown == f"'{name}"
    cell = book.worksheets[0]["B2"]
    assert cell.data_type == "s"
    assert name in cell.value


def test_is_recorded(browser: Browser, administrator: User) -> None:
    taken(browser, "?role=regular")

    event = AuditEvent.objects.get(event="users_exported")
    assert (event.actor_id, event.door) == (administrator.pk, "admin")
    assert event.details == '{"filter":"role=regular","format":"csv"}'


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.usefixtures("regular")
def test_the_head_of_a_file_is_told_without_making_it(browser: Browser, form: str) -> None:
    whole: Any = browser.get(f"{LIST}export.{form}")
    assert b"".join(whole.streaming_content)
    made = AuditEvent.objects.count()

    answer: Any = browser.head(f"{LIST}export.{form}")

    assert (answer.status_code, b"".join(answer)) == (200, b"")
    assert all(answer[name] == whole[name] for name in ("Content-Type", "Content-Disposition"))
    assert AuditEvent.objects.count() == made


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_takes_nothing_out_by_a_search_that_cannot_be_made(browser: Browser, form: str) -> None:
    answer = browser.get(f"{LIST}export.{form}?q=%00")

    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert not AuditEvent.objects.filter(event="users_exported").exists()


def test_takes_nothing_out_by_a_filter_that_there_is_not(browser: Browser) -> None:
    answer = browser.get(f"{LIST}export.csv?password__startswith=argon2")

    assert answer.status_code == 302
    assert not AuditEvent.objects.filter(event="users_exported").exists()


def test_lets_nobody_else_take_users_out(client: Browser, regular: User) -> None:
    client.force_login(regular)

    for form in ("csv", "xlsx"):
        assert client.get(f"{LIST}export.{form}").status_code == 302
        assert client.post(f"{LIST}export.{form}").status_code == 302
    assert not AuditEvent.objects.filter(event="users_exported").exists()
