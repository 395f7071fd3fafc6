"""Notices: owners hear of what happens to their account, at the old address too."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.admin_site import enter, save
from tests.conftest import Login
from tests.factories import PASSWORD, InvitedFactory
from tests.mails import delivered, waiting
from tests.users.auth.calls import refresh
from users.models import User

CHOSEN = "an entirely new sentence"


def test_a_new_address_is_told_to_the_old_one_too(
    as_administrator: APIClient, regular: User
) -> None:
    as_administrator.put(f"/users/{regular.pk}", {"email": "rita.new@example.com"})

    old, new = delivered()
    assert [old.to, new.to] == [["rita@example.com"], ["rita.new@example.com"]]
    assert old.subject == new.subject == "Your email address was changed"
    assert "rita.new" not in old.body  # whoever reads the old mailbox need not know


def test_a_new_password_is_told(as_regular: APIClient, regular: User) -> None:
    body = {"password": CHOSEN, "current_password": PASSWORD}
    as_regular.put(f"/users/{regular.pk}", body)

    (notice,) = delivered()
    assert (notice.to, notice.subject) == (["rita@example.com"], "Your password was changed")


def test_a_new_password_is_told_to_the_address_of_before(
    as_administrator: APIClient, regular: User
) -> None:
    as_administrator.put(f"/users/{regular.pk}", {"password": CHOSEN, "email": "thief@example.com"})

    assert ("password_changed", "rita@example.com") in waiting()


def test_what_an_operator_changes_is_told(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    passwords = {"password1": CHOSEN, "password2": CHOSEN}
    browser.post(f"/admin/users/user/{regular.pk}/password/", passwords)
    save(browser, f"/admin/users/user/{regular.pk}/change/", email="rita.new@example.com")

    assert waiting() == [
        ("password_changed", "rita@example.com"),
        ("email_changed", "rita@example.com"),
        ("email_changed", "rita.new@example.com"),
    ]


def test_what_a_command_changes_is_told(regular: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: CHOSEN)

    call_command("changepassword", regular.email, stdout=StringIO())

    assert waiting() == [("password_changed", "rita@example.com")]


def test_a_replayed_refresh_token_is_told(regular: User, login: Login) -> None:
    first: Any = login(regular)
    second = refresh(first.tokens["refresh"]).json()
    third = refresh(second["refresh"]).json()
    assert third["refresh"]

    assert refresh(first.tokens["refresh"]).status_code == 401

    assert waiting() == [("refresh_replayed", "rita@example.com")]


def test_a_lost_answer_is_no_replay(regular: User, login: Login) -> None:
    first: Any = login(regular)
    for _ in range(2):
        assert refresh(first.tokens["refresh"]).status_code == 200

    assert waiting() == []


@pytest.mark.parametrize(
    "change",
    [{}, {"name": "Rita Renamed"}, {"email": "RITA@example.com"}, {"active": True}],
    ids=["nothing", "name", "case", "same"],
)
def test_nothing_else_is_told(
    as_administrator: APIClient, regular: User, change: dict[str, Any]
) -> None:
    assert as_administrator.put(f"/users/{regular.pk}", change).status_code == 200

    assert waiting() == []


@pytest.mark.parametrize(
    "change", [{"email": "ada@example.com"}, {"password": "short"}], ids=["email", "password"]
)
def test_what_is_refused_is_not_told(
    as_administrator: APIClient, regular: User, change: dict[str, Any]
) -> None:
    assert as_administrator.put(f"/users/{regular.pk}", change).status_code == 400

    assert waiting() == []


def test_an_invited_user_is_invited_at_the_new_address_and_told_nothing(
    as_administrator: APIClient,
) -> None:
    invited = InvitedFactory(email="typo@example.com")

    as_administrator.put(f"/users/{invited.pk}", {"email": "right@example.com"})

    assert waiting() == [("invitation", "right@example.com")]
