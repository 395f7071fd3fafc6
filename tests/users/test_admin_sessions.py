"""/admin/users/session/: who is logged in, and ending it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.admin_site import act, enter, is_in, told
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
