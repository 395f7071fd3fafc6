"""All pages of the admin site: what none of them shows, and that none of them fails."""

import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urljoin
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from config.admin import site
from tests.admin_site import act, enter, save
from tests.conftest import Login
from tests.factories import UserFactory, as_row
from users.imports import bring_in
from users.mail.outbox import Kind, enqueue
from users.models import Import, Mail, Session, User

LISTS = (
    "/admin/users/user/",
    "/admin/users/session/",
    "/admin/users/mail/",
    "/admin/users/import/",
    "/admin/clients/client/",
)
LINK = re.compile(r'href="(/admin/[^"]*|\?[^"]*)"')


def crawl(browser: Browser) -> dict[str, str]:
    """Follow the links of the admin site from its index; return `{path: page}`.

    Of links that differ in the values of their query alone, one is followed.
    """
    seen: dict[str, str] = {}
    waiting, kinds = ["/admin/"], set()
    while waiting:
        path = waiting.pop()
        bare, _, query = path.partition("?")
        kind = (bare, frozenset(parse_qs(query)))
        if kind in kinds or len(parse_qs(query)) > 1:
            continue
        kinds.add(kind)
        answer = browser.get(path, follow=True)
        assert answer.status_code == 200, path
        seen[path] = text_of(answer)
        waiting += [urljoin(path, unescape(link)) for link in LINK.findall(seen[path])]
    return seen


def text_of(answer: Any) -> str:
    """Return what an answer says, a workbook (a ZIP) unpacked."""
    content = b"".join(answer) if answer.streaming else answer.content
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as book:
            content = b"".join(map(book.read, book.namelist()))
    return str(content.decode())


def test_shows_no_digest_and_no_salt_anywhere(
    administrator: User, regular: User, login: Login
) -> None:
    login(regular)
    browser = enter(administrator)
    save(browser, f"/admin/users/user/{regular.pk}/change/", name="Rita R.")
    act(browser, LISTS[0], "deactivate", regular)
    salts = {as_row(user)["password"].split("$")[4] for user in (administrator, regular)}

    pages = crawl(browser)

    assert {f"/admin/users/user/{regular.pk}/{page}/" for page in ("change", "history")} <= set(
        pages
    )
    assert f"/admin/users/user/{regular.pk}/password/" in pages
    assert not [p for p, page in pages.items() for s in {"argon2", *salts} if s in page]


def test_loads_nothing_that_the_policy_forbids(administrator: User, regular: User) -> None:
    pages = crawl(enter(administrator))

    forbidden = re.compile(
        r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:|(?:src|href)=.(?:https?:)?//"
    )
    assert not [
        (path, forbidden.findall(page))
        for path, page in pages.items()
        if "/export." not in path and forbidden.search(page)
    ]


def test_every_page_offers_to_log_out(administrator: User, regular: User) -> None:
    pages = crawl(enter(administrator))

    form = '<form id="logout-form" method="post" action="/admin/logout/">'
    whole = {path: page for path, page in pages.items() if "<html" in page}
    assert len(whole) > 20
    assert [path for path, page in whole.items() if form not in page] == []


def test_asks_no_table_that_there_is_not(administrator: User, regular: User) -> None:
    browser = enter(administrator)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        crawl(browser)

    asked = " ".join(query["sql"] for query in queries)
    assert "auth_permission" not in asked
    assert "auth_group" not in asked


def paths() -> Iterator[str]:
    for shown in LISTS:
        yield from (shown, f"{shown}add/", f"{shown}1/change/", f"{shown}1/history/")
        yield f"{shown}1/delete/"
    yield from ("/admin/", "/admin/users/", "/admin/clients/", "/admin/jsi18n/")
    yield from ("/admin/password_change/", "/admin/password_change/done/", "/admin/nothing/")
    yield from ("/admin/users/user/1/password/", "/admin/users/session/1/end/")
    yield "/admin/autocomplete/?app_label=users&model_name=user&field_name=client"


@pytest.mark.parametrize("path", [*paths()])
def test_is_closed_without_login(administrator: User, regular: User, path: str) -> None:
    browser = Browser()

    answers = [browser.get(path), browser.post(path, {"name": "x"})]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert all(a["Location"].startswith("/admin/login/?next=") for a in answers)
    assert as_row(regular)["name"] == "Rita Regular"


@pytest.mark.parametrize("path", ["/admin/", *LISTS])
def test_is_closed_to_the_bearer_of_a_token(administrator: User, login: Login, path: str) -> None:
    assert login(administrator).get(path).status_code == 302


@pytest.mark.parametrize("path", LISTS)
def test_deletes_nothing(administrator: User, regular: User, login: Login, path: str) -> None:
    login(regular)
    enqueue(Kind.PASSWORD_CHANGED, regular)
    bring_in(b"email", "users.csv", actor=administrator)
    browser = enter(administrator)
    models = (User, Client, Session, Mail, Import)
    before = [model._default_manager.count() for model in models]
    row = browser.get(path).context["cl"].result_list[0]

    answer = browser.post(f"{path}{row.pk}/delete/", {"post": "yes"})
    page = act(browser, path, "delete_selected", row)

    assert answer.status_code == 403
    assert "delete" not in page.content.decode().replace("cancel-delete", "")
    assert [model._default_manager.count() for model in models] == before


def test_offers_to_add_users_imports_and_clients_alone(administrator: User) -> None:
    browser = enter(administrator)

    statuses = [browser.get(f"{path}add/").status_code for path in LISTS]

    assert statuses == [200, 403, 403, 200, 200]
    assert browser.post(f"{LISTS[1]}add/", {"user": administrator.pk}).status_code == 403
    assert Session.objects.count() == 1


def test_registers_its_models_and_no_other(db: None) -> None:
    models = {model.__name__ for model in site._registry}

    assert models == {"User", "Session", "Mail", "Import", "Client", "AuditEvent"}


@pytest.mark.parametrize("path", LISTS)
def test_list_costs_the_same_for_any_number_of_rows(
    administrator: User, login: Login, path: str
) -> None:
    browser = enter(administrator)
    browser.get(path)  # what Django remembers for ever, it has read by now
    login(UserFactory())
    with CaptureQueriesContext(connection) as one:
        browser.get(path)
    for user in [User.objects.get(pk=administrator.pk), *UserFactory.create_batch(19)]:
        login(user)
        enqueue(Kind.PASSWORD_CHANGED, user)
        bring_in(b"email", "users.csv", actor=user)

    with CaptureQueriesContext(connection) as twenty:
        page = browser.get(path)

    assert len(page.context["cl"].result_list) >= 20
    assert len(twenty) == len(one)
    assert len(one) <= 5  # user, session, count, rows, one to spare


ODD = (
    *(
        f"{shown}{query}"
        for shown in LISTS
        for query in (
            "?e=1",
            "?e=1&bogus=1",
            "?bogus=1",
            "?q=" + "x" * 10_000,
            "?q=" + "x+" * 5_000,
            "?q=%00",
            "?q=%ff%fe",
            "?q=%22%27%5C",
            "?o=99999999999999999999",
            "?o=-.x.1e5",
            "?p=-1",
            "?p=99999999999999999999",
            "?p=%00",
            "?all=",
            "?_popup=1",
            "?_to_field=password",
            "?_to_field=id",
            "?_facets=True",
            "?active__exact=%00",
            "?active__exact=1&active__exact=2",
            "?active__isnull=x",
            "?user__id__exact=x",
            "?user__id__exact=99999999999999999999",
            "?user__id__exact=%00",
            "?client=%00",
            "?role=%00",
            "?_changelist_filters=%00%ff",
        )
    ),
    *(
        f"{shown}{object_id}/{page}/"
        for shown in LISTS
        for page in ("change", "history", "delete", "password", "end")
        for object_id in ("x", "0", "-1", "01", "1_0", "%00", "1%00", "%ff", "9" * 20, "9" * 6000)
    ),
    "/admin/users/user/add/?client=x&name=%00&email=" + "x" * 5000,
    "/admin/users/user/add/?client=99999999999999999999&active=x&version=1",
    "/admin/users/user/1/change/?_to_field=password",
    "/admin/users/user/1/change/?_changelist_filters=%00",
    "/admin/users/nothing/",
    "/admin/users",
    "/admin/r/1/1/",
    "/admin/r/x/%00/",
    "/admin/login/?next=%00",
    "/admin/autocomplete/",
    *(
        f"/admin/autocomplete/?app_label={app}&model_name={model}&field_name={field}&{more}"
        for app, model, field in (
            ("users", "user", "client"),
            ("users", "user", "sessions"),
            ("users", "user", "password"),
            ("users", "session", "user"),
            ("clients", "client", "users"),
            ("auth", "permission", "content_type"),
            ("auth", "group", "permissions"),
            ("admin", "logentry", "user"),
            ("x", "%00", "y"),
        )
        for more in ("", "term=%00", "term=" + "x" * 5000, "page=x", "page=999", "page=-1")
    ),
)


@pytest.mark.parametrize("kind", ["GET", "POST", "junk"])
def test_answers_odd_requests(administrator: User, regular: User, kind: str) -> None:
    browser = enter(administrator)
    junk = {"_selected_action": ["x", "\0"], "action": "\0", "index": "x", "client": "\0"}
    junk |= {"email": "\0", "active": "maybe", "_to_field": "id", "version": "\0", "_save": "1"}
    before = as_row(administrator), as_row(regular)
    failed = []

    for path in ODD:
        answer = (
            browser.get(path)
            if kind == "GET"
            else browser.post(path, junk if kind == "junk" else {})
        )
        if answer.status_code >= 500:
            failed.append((path[:100], answer.status_code))

    assert failed == []
    assert (as_row(administrator), as_row(regular)) == before


def test_leads_to_every_list_in_the_same_order_from_every_page(administrator: User) -> None:
    browser = enter(administrator)

    for path in ("/admin/", "/admin/users/user/add/", "/admin/password_change/"):
        navigation = browser.get(path).content.decode().partition('id="navigation"')[2]
        links = LINK.findall(navigation.partition("</nav>")[0])
        assert links == ["/admin/", *LISTS, "/admin/audit/auditevent/"]


def test_says_in_its_own_look_that_there_is_no_such_page(administrator: User) -> None:
    answer = enter(administrator).get("/admin/nothing/")

    assert answer.status_code == 404
    assert "roster/pages.css" in answer.content.decode()
    assert "nothing" not in answer.content.decode()
