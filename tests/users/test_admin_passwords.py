"""/admin/password_change/ for oneself, /admin/users/user/<id>/password/ for all others."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from tests.admin_site import enter, errors, is_in, log_in, save
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, as_row
from users.models import Session, User

LONG = "a new and long password"
OWN = "/admin/password_change/"


def page_of(user: User) -> str:
    return f"/admin/users/user/{user.pk}/password/"


def change_own(browser: Any, **typed: str) -> Any:
    body = {"old_password": PASSWORD, "new_password1": LONG, "new_password2": LONG}
    return browser.post(OWN, {**body, **typed})


def test_sets_the_password_of_another(administrator: User, regular: User, login: Login) -> None:
    phone = login(regular)

    answer = save(enter(administrator), page_of(regular), password1=LONG, password2=LONG)

    assert answer["Location"] == f"/admin/users/user/{regular.pk}/change/"
    assert phone.get("/users/current").status_code == 401
    login(regular, LONG)
    assert json.loads(LogEntry.objects.get().change_message) == [
        {"changed": {"fields": ["Password"]}}
    ]


def test_ends_all_logins_of_another(administrator: User) -> None:
    colleague = AdministratorFactory()
    theirs, mine = enter(colleague), enter(administrator)

    save(mine, page_of(colleague), password1=LONG, password2=LONG)

    assert not is_in(theirs)
    assert is_in(mine)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("", "", {"password1": ["required"], "password2": ["required"]}),
        (LONG, LONG + " ", {"password2": ["password_mismatch"]}),
        ("short", "short", {"password1": ["password_too_short"]}),
        ("x" * 129, "x" * 129, {"password1": ["max_length"]}),
        ("x" * 1025, "x" * 1025, {"password1": ["max_length"], "password2": ["max_length"]}),
        ("rita@example.com", "rita@example.com", {"password1": ["password_too_similar"]}),
        ("password1234", "password1234", {"password1": ["password_too_common"]}),
        (" " * 15, " " * 15, {"password1": ["blank"]}),
    ],
)
def test_refuses_to_set(
    administrator: User, regular: User, first: str, second: str, found: dict[str, list[str]]
) -> None:
    before = as_row(regular)

    answer = save(enter(administrator), page_of(regular), password1=first, password2=second)

    assert errors(answer) == found
    assert as_row(regular) == before
    assert f'value="{first}"' not in answer.content.decode()


def test_asks_for_the_old_password_before_ones_own_changes(administrator: User) -> None:
    browser = enter(administrator)
    before = as_row(administrator)
    body = {"password1": LONG, "password2": LONG}

    answer = browser.post(page_of(administrator), body)

    assert answer["Location"] == OWN
    assert as_row(administrator) == before


@pytest.mark.parametrize("object_id", ["999", "0", "x", "99999999999999999999", "1%00"])
def test_has_no_page_for_nobody(administrator: User, object_id: str) -> None:
    path = f"/admin/users/user/{object_id}/password/"

    assert enter(administrator).get(path).status_code == 404


def test_own_change_ends_all_other_logins(administrator: User, login: Login) -> None:
    phone, other, browser = login(administrator), enter(administrator), enter(administrator)

    answer = change_own(browser)

    assert answer["Location"] == "/admin/password_change/done/"
    assert browser.get(answer["Location"]).status_code == 200
    assert is_in(browser)
    assert not is_in(other)
    assert phone.get("/users/current").status_code == 401
    assert Session.objects.count() == 1
    login(administrator, LONG)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"old_password": ""}, {"old_password": ["required"]}),
        ({"old_password": "wrong"}, {"old_password": ["incorrect"]}),
        ({"old_password": "x" * 1025}, {"old_password": ["max_length"]}),
        ({"new_password1": ""}, {"new_password1": ["required"]}),
        ({"new_password2": "another password"}, {"new_password2": ["password_mismatch"]}),
        (
            {"new_password1": "short", "new_password2": "short"},
            {"new_password2": ["password_too_short"]},
        ),
        (
            {"new_password1": "ada@example.com", "new_password2": "ada@example.com"},
            {"new_password2": ["password_too_similar"]},
        ),
    ],
)
def test_refuses_the_own_change(
    administrator: User, typed: dict[str, str], found: dict[str, list[str]]
) -> None:
    browser, other = enter(administrator), enter(administrator)
    before = as_row(administrator)

    answer = change_own(browser, **typed)

    assert errors(answer) == found
    assert as_row(administrator) == before
    assert is_in(other)


def test_old_password_logs_nobody_in_any_more(administrator: User) -> None:
    browser = enter(administrator)
    change_own(browser)

    assert log_in(browser.__class__(), administrator.email).status_code == 200
    assert log_in(browser.__class__(), administrator.email, LONG).status_code == 302
