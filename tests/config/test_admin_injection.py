"""What people call themselves stays text, on every page and in every file of the site."""

import csv
import io
from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import Client
from tests.admin_site import act, enter
from tests.config.test_admin_pages import crawl
from tests.conftest import Login
from tests.factories import ClientFactory
from users.imports import bring_in, run_next
from users.mail.outbox import Kind, enqueue
from users.models import Session, User

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
TEMPLATE = "{{7*7}}{% now 'Y' %}"
FORMULAE = ("=1+1", "+1", "-1", "@SUM(A1)", "x;=1+1;y", "=cmd|' /C calc'!A0")


@pytest.fixture
def browser(administrator: User, regular: User, login: Login) -> Browser:
    """Lend a browser on a site on which everything is called something nasty."""
    login(regular)
    Session.objects.filter(user=regular).update(user_agent=MARKUP)
    enqueue(Kind.PASSWORD_CHANGED, regular)
    browser = enter(administrator)
    act(browser, "/admin/users/user/", "deactivate", regular)
    act(browser, "/admin/users/user/", "activate", regular)
    login(regular)
    Session.objects.filter(user=regular).update(user_agent=MARKUP)
    User.objects.filter(pk=regular.pk).update(name=MARKUP)
    Client.objects.filter(name="Acme").update(name=TEMPLATE + MARKUP)
    bring_in(f"email,name\n{MARKUP},{MARKUP}\n".encode(), MARKUP, actor=administrator)
    run_next()
    return browser


def test_markup_is_text_on_every_page(browser: Browser, regular: User) -> None:
    pages = crawl(browser)
    shown = {path: page for path, page in pages.items() if "/export." not in path}

    assert f"/admin/users/user/{regular.pk}/change/" in shown
    assert any("&lt;script&gt;alert(1)" in page for page in shown.values())
    assert [p for p, page in shown.items() if "<script>alert" in page or "<img src=x" in page] == []
    assert any("{{7*7}}" in page for page in shown.values())


def test_text_that_turns_round_is_kept_apart(browser: Browser, regular: User) -> None:
    User.objects.filter(pk=regular.pk).update(name="gpj.\u202eexe")  # no door lets it in

    page = browser.get("/admin/users/user/").content.decode()

    assert "<bdi>gpj.\u202eexe</bdi>" in page


@pytest.mark.parametrize("name", FORMULAE)
def test_no_cell_of_a_file_is_a_formula(browser: Browser, regular: User, name: str) -> None:
    User.objects.filter(pk=regular.pk).update(name=name)

    answer: Any = browser.get("/admin/users/user/export.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")

    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            bare = [cell for cell in row if not cell.startswith("'")]
            assert not [cell for cell in bare if cell.lstrip('" ').startswith(("=", "+", "@", "-"))]


def test_a_client_is_chosen_by_text(browser: Browser) -> None:
    ClientFactory(name=MARKUP)
    query = "app_label=users&model_name=user&field_name=client&term=script"

    answer = browser.get(f"/admin/autocomplete/?{query}")

    assert answer["Content-Type"] == "application/json"
    assert MARKUP in [found["text"] for found in answer.json()["results"]]
