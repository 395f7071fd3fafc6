"""/admin/users/session/: who is logged in, and ending it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.admin_site import act, enter, hidden_in, is_asked, is_in, say_yes, told
from tests.conftest import Login
from users.models import Session, User

SESSIONS = "/admin/users/session/"


def test_lists_who_is_logged_in(administrator: User, regular: User, login: Login) -> None:
    login(regular)

    page = enter(administrator).get(SESSIONS)

    assert {session.user for session in page.context["cl"].result_list} == {administrator, regular}
    columns = ("user", "created_at", "refreshed_at", "expires_at", "address", "user_agent")
    assert all(f"column-{name}" in page.content.decode() for name in columns)


def test_lists_no_session_that_is_over(administrator: User, regular: User, login: Login) -> None:
    login(regular)
    browser = enter(administrator)
    past = timezone.now() - timedelta(days=1)
    Session.objects.filter(user=regular).update(refreshed_at=past, expires_at=timezone.now())

    page = browser.get(SESSIONS)

    assert [session.user for session in page.context["cl"].result_list] == [administrator]


@pytest.mark.parametrize(("words", "found"), [("RITA", 1), ("regular+example", 1), ("nobody", 0)])
def test_finds_by_user(
    administrator: User, regular: User, login: Login, words: str, found: int
) -> None:
    login(regular)

    page = enter(administrator).get(f"{SESSIONS}?q={words}")

    assert len(page.context["cl"].result_list) == found


def test_ends_one(administrator: User, regular: User, login: Login) -> None:
    phone, tablet, browser = login(regular), login(regular), enter(administrator)
    session = Session.objects.filter(user=regular).earliest("pk")
    assert (
        f"{SESSIONS}{session.pk}/end/"
        in browser.get(f"{SESSIONS}{session.pk}/change/").content.decode()
    )

    page = browser.post(f"{SESSIONS}{session.pk}/end/", follow=True)

    assert told(page) == [("success", "Sessions ended: 1.")]
    assert phone.get("/users/current").status_code == 401
    assert tablet.get("/users/current").status_code == 200


def test_ends_many(administrator: User, regular: User, login: Login) -> None:
    phones, browser = [login(regular), login(regular)], enter(administrator)

    page = act(browser, SESSIONS, "end", *Session.objects.filter(user=regular))

    assert told(page) == [("success", "Sessions ended: 2.")]
    assert [phone.get("/users/current").status_code for phone in phones] == [401, 401]
    assert [
        phone.post("/auth/refresh", {"refresh": phone.tokens["refresh"]}).status_code  # type: ignore[attr-defined] # kept there by the fixture
        for phone in phones
    ] == [401, 401]
    assert is_in(browser)


def choose(browser: Client, *sessions: Session) -> Any:
    return browser.post(
        SESSIONS, {"action": "end", "_selected_action": [session.pk for session in sessions]}
    )


def test_many_are_asked_about_with_numbers(
    administrator: User, regular: User, login: Login
) -> None:
    phones, browser = [login(regular), login(regular)], enter(administrator)

    page = choose(browser, *Session.objects.filter(user=regular))

    assert page.context["question"].title == "End 2 sessions"
    assert list(page.context["question"].consequences) == [
        "2 sessions end at once, of 1 person, who can log in again."
    ]
    assert [phone.get("/users/current").status_code for phone in phones] == [200, 200]


def test_says_that_ones_own_is_among_them(administrator: User, regular: User, login: Login) -> None:
    login(regular)
    login(administrator)
    browser = enter(administrator)
    own = Session.objects.latest("pk")

    page = choose(browser, *Session.objects.all())

    assert list(page.context["question"].consequences) == [
        "3 sessions end at once, of 2 people, who can log in again.",
        "Your own is one of them: you are logged out.",
    ]
    others = choose(browser, *Session.objects.exclude(pk=own.pk))
    assert len(others.context["question"].consequences) == 1
    assert is_in(browser)
    say_yes(browser, SESSIONS, page)
    assert not is_in(browser)
    assert not Session.objects.exists()


def test_a_yes_is_never_to_other_sessions(administrator: User, regular: User, login: Login) -> None:
    login(regular)
    browser = enter(administrator)
    asked = choose(browser, *Session.objects.filter(user=regular))
    login(regular)
    body = {**hidden_in(asked), "_selected_action": [Session.objects.latest("pk").pk]}

    page = browser.post(SESSIONS, body)

    assert is_asked(page)
    assert page.context["question"].consequences[0].startswith("The list has changed")
    assert Session.objects.filter(user=regular).count() == 2


def test_ends_ones_own(administrator: User) -> None:
    browser = enter(administrator)

    browser.post(f"{SESSIONS}{Session.objects.get().pk}/end/")

    assert not is_in(browser)


def test_link_ends_nothing(administrator: User) -> None:
    browser = enter(administrator)

    answer = browser.get(f"{SESSIONS}{Session.objects.get().pk}/end/")

    assert answer.status_code == 405
    assert is_in(browser)


@pytest.mark.parametrize("object_id", ["999", "0", "x", "99999999999999999999", "1%00"])
def test_has_no_end_for_nothing(administrator: User, object_id: str) -> None:
    answer = enter(administrator).post(f"{SESSIONS}{object_id}/end/")

    assert answer.status_code == 404
    assert Session.objects.count() == 1


@pytest.mark.parametrize("field", ["user", "expires_at", "address"])
def test_changes_nothing(administrator: User, field: str) -> None:
    browser = enter(administrator)
    path = f"{SESSIONS}{Session.objects.get().pk}/change/"

    assert f'name="{field}"' not in browser.get(path).content.decode()
    assert browser.post(path, {field: "1"}).status_code == 403


def test_shows_nothing_that_tokens_are_made_of(administrator: User) -> None:
    browser = enter(administrator)
    session = Session.objects.get()

    pages = [browser.get(path) for path in (SESSIONS, f"{SESSIONS}{session.pk}/change/")]

    refresh_id = str(session.refresh_id)
    assert not any(refresh_id in page.content.decode() for page in pages)
