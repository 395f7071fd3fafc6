"""/admin/audit/auditevent/ and the time line of a user: the trail to be read, never written."""

import pytest
from django.utils.html import strip_tags

from config.audit.events import Event
from config.audit.models import AuditEvent
from config.operators.time_line import LATEST
from tests.admin_site import act as bulk, enter, save
from tests.conftest import Login
from tests.trail import act, alter, events
from users.models import User

LIST = "/admin/audit/auditevent/"
EVIL = "<script>alert(1)</script>"


def test_lists_newest_first(administrator: User, regular: User, login: Login) -> None:
    login(regular)

    page = enter(administrator).get(LIST)

    rows = list(page.context["cl"].result_list)
    assert [(row.event, row.actor, row.door) for row in rows] == [
        ("login", "ada@example.com", "admin"),
        ("login", "rita@example.com", "api"),
    ]
    columns = ("at", "event", "actor", "target", "door", "address", "request_id")
    assert all(f"column-{name}" in page.content.decode() for name in columns)


@pytest.mark.parametrize(
    ("query", "found"),
    [("event=logout", 1), ("door=api", 0), ("door=command", 2),
     ("q=RITA", 1), ("q=rita+stan", 0), ("q=nobody@example.com", 0)],
)  # fmt: skip
def test_narrows_the_list(administrator: User, regular: User, query: str, found: int) -> None:
    browser = enter(administrator)
    act(Event.LOGOUT, actor=regular, target=regular)
    act(Event.USERS_SEEDED)

    page = browser.get(f"{LIST}?{query}")

    assert len(page.context["cl"].result_list) == found


def test_lists_what_concerns_a_user(administrator: User, regular: User, stranger: User) -> None:
    browser = enter(administrator)
    mine = {
        act(actor=regular, target=stranger).pk,
        act(actor=administrator, target=regular).pk,
    }
    act(actor=stranger, target=stranger)

    page = browser.get(f"{LIST}?user={regular.pk}")

    assert {row.pk for row in page.context["cl"].result_list} == mine


@pytest.mark.parametrize(
    "query", ["user=x", "user=0", "user=9223372036854775808", "mac=x", "mac__startswith=a", "q=%00",
              "event=%00", "event=%00&event=login", "event__exact=login", "event=nothing",
              "door=x", "p=x", "o=99"],
)  # fmt: skip
def test_answers_odd_requests(administrator: User, query: str) -> None:
    browser = enter(administrator)

    assert browser.get(f"{LIST}?{query}").status_code in (200, 302)
    for row in ("x", "0", "999", str(2**63)):
        assert browser.get(f"{LIST}{row}/change/").status_code in (302, 404)


def test_writes_nothing(administrator: User) -> None:
    browser = enter(administrator)
    row = AuditEvent.objects.get()
    before = events()

    page = browser.get(f"{LIST}{row.pk}/change/").content.decode()
    statuses = [
        browser.post(f"{LIST}{path}", {"actor": "x", "post": "yes"}).status_code
        for path in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/")
    ]
    bulk(browser, LIST, "delete_selected", row)

    assert statuses == [403, 403, 403]
    assert 'name="_save"' not in page
    assert events() == before
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.get(f"{LIST}{row.pk}/delete/").status_code == 403


def test_shows_the_changes_of_an_event(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    save(browser, f"/admin/users/user/{regular.pk}/change/", name="Rita Néw")

    row = AuditEvent.objects.latest("id")
    page = browser.get(f"{LIST}{row.pk}/change/").content.decode()

    assert "name: &quot;Rita Regular&quot; → &quot;Rita Néw&quot;" in page


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1, "b": [], "c": [1, 2, 3]}'])
def test_shows_a_row_that_was_altered(text: str, administrator: User) -> None:
    browser = enter(administrator)
    row = AuditEvent.objects.get()
    alter(row, changes=text, details=text)

    assert browser.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert browser.get(f"/admin/users/user/{administrator.pk}/change/").status_code == 200


def time_line(browser: object, user: User) -> str:
    page = browser.get(f"/admin/users/user/{user.pk}/change/")  # type: ignore[attr-defined] # a test client
    assert page.status_code == 200
    return str(page.content.decode().partition("Audit trail</h2>")[2])


def words(markup: str) -> str:
    return " ".join(strip_tags(markup).split())


def test_a_users_page_has_their_time_line(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    save(browser, f"/admin/users/user/{regular.pk}/change/", name="Rita Newname")

    shown = time_line(browser, regular)

    assert shown.count("<li>") == 1
    said = "User updated by ada@example.com on rita@example.com from 127.0.0.1"
    assert said in words(shown)
    assert "name: &quot;Rita Regular&quot; → &quot;Rita Newname&quot;" in shown
    assert f'href="{LIST}?user={regular.pk}"' in shown


def test_a_time_line_is_the_latest_of_both_kinds(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    for _ in range(LATEST):
        act(actor=regular, target=administrator)
        act(actor=administrator, target=regular)
    act(Event.LOGOUT, actor=regular, target=regular)

    shown = time_line(browser, regular)

    assert shown.count("<li>") == LATEST
    assert shown.index(">Logout</a>") < shown.index(">Login</a>")


def test_a_time_line_escapes_all_it_shows(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    row = act(actor=administrator, target=regular, changes={EVIL: (EVIL, EVIL)})
    alter(row, actor=EVIL, target=EVIL, address=EVIL, door=EVIL, event=EVIL)

    for path in (f"/admin/users/user/{regular.pk}/change/", LIST, f"{LIST}{row.pk}/change/"):
        assert EVIL not in browser.get(path).content.decode()


def test_a_new_user_has_no_time_line(administrator: User) -> None:
    page = enter(administrator).get("/admin/users/user/add/").content.decode()

    assert "All events of this user" not in page
