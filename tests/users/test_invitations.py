"""Invitations: a user without password, a link by mail, one use."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login, codes
from tests.factories import PASSWORD, InvitedFactory, UserFactory, as_row
from tests.mails import delivered, token_in, waiting
from users.links import PASSWORD_RESET
from users.models import Mail, User

NEW = {"name": "Grace Hopper", "email": "Grace@Example.com"}
CHOSEN = "nanoseconds of wire"


def accept(token: Any, password: str = CHOSEN, **more: Any) -> Any:
    body = {"token": token, "password": password, **more}
    return APIClient().post("/auth/invitation", body)


def log_in(email: str, password: str = CHOSEN) -> int:
    body = {"email": email, "password": password}
    return int(APIClient().post("/auth/login", body).status_code)


@pytest.fixture
def invited(acme: Client) -> User:
    return InvitedFactory(name="Ivy Invited", email="ivy@example.com", client=acme)


@pytest.fixture
def invitation(as_administrator: APIClient, invited: User) -> str:
    """The token that was mailed to `invited`."""
    assert as_administrator.post(f"/users/{invited.pk}/invitation").status_code == 204
    (message,) = delivered()
    return token_in(message)


# Inviting


def test_a_new_user_is_invited_by_mail_and_sets_their_own_password(
    as_administrator: APIClient, acme: Client
) -> None:
    body = {**NEW, "client_id": acme.pk, "invite": True}

    created = as_administrator.post("/users?include=status", body)

    assert created.status_code == 201
    assert created.json()["status"] == "invited"
    (message,) = delivered()
    assert message.to == ["grace@example.com"]
    assert accept(token_in(message)).status_code == 204
    assert log_in("grace@example.com") == 200


@pytest.mark.parametrize("password", ["", "!", PASSWORD, "None"])
def test_nobody_logs_in_as_an_invited_user(invited: User, password: str) -> None:
    assert log_in(invited.email, password) in (400, 401)
    assert log_in(invited.email, invited.password) == 401


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"password": CHOSEN}, {"#/password": "invalid"}),
        ({"password_confirmation": CHOSEN}, {"#/password_confirmation": "invalid"}),
        ({"active": False}, {"#/invite": "invalid"}),
        ({"invite": "yes"}, {"#/invite": "invalid", "#/password": "required"}),
        ({"invite": None}, {"#/invite": "null", "#/password": "required"}),
        ({"invite": False}, {"#/password": "required"}),
        ({"email": "ada@example.com"}, {"#/email": "unique"}),
    ],
)
def test_refuses_to_invite_by_halves(
    as_administrator: APIClient, acme: Client, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    before = User.objects.count()
    body = {**NEW, "client_id": acme.pk, "invite": True, **changes}

    assert codes(as_administrator.post("/users", body)) == expected
    assert (User.objects.count(), waiting()) == (before, [])


def test_refuses_to_invite_into_an_inactive_client(
    as_administrator: APIClient, acme: Client
) -> None:
    Client.objects.filter(pk=acme.pk).update(active=False)
    body = {**NEW, "client_id": acme.pk, "invite": True}

    assert codes(as_administrator.post("/users", body)) == {"#/invite": "invalid"}
    assert waiting() == []


def test_invite_false_is_as_if_it_were_not_there(as_administrator: APIClient) -> None:
    body = {**NEW, "client_id": None, "invite": False, "password": CHOSEN}

    assert as_administrator.post("/users", body).status_code == 201
    assert waiting() == []


def test_a_change_of_a_user_knows_no_invite(as_administrator: APIClient, invited: User) -> None:
    answer = as_administrator.put(f"/users/{invited.pk}", {"invite": True})

    assert codes(answer) == {"#/invite": "unknown_field"}
    assert waiting() == []


def test_a_new_invitation_kills_the_link_before(
    as_administrator: APIClient, invited: User, invitation: str
) -> None:
    as_administrator.post(f"/users/{invited.pk}/invitation")

    assert codes(accept(invitation)) == {"#/token": "token_not_valid"}
    (message,) = delivered()
    assert accept(token_in(message)).status_code == 204


def test_an_invitation_that_still_waits_is_sent_once(
    as_administrator: APIClient, invited: User
) -> None:
    for _ in range(3):
        as_administrator.post(f"/users/{invited.pk}/invitation")

    assert len(delivered()) == 1
    assert sorted(Mail.objects.values_list("state", flat=True)) == ["obsolete", "obsolete", "sent"]


def test_an_invitation_changes_nothing_that_anybody_sees(
    as_administrator: APIClient, invited: User
) -> None:
    path = f"/users/{invited.pk}?include=status,updated_at"
    before = as_administrator.get(path)

    as_administrator.post(f"/users/{invited.pk}/invitation")

    after = as_administrator.get(path)
    assert (after.json(), after["ETag"]) == (before.json(), before["ETag"])


def test_who_has_a_password_is_not_invited(as_administrator: APIClient, regular: User) -> None:
    before = as_row(regular)

    answer = as_administrator.post(f"/users/{regular.pk}/invitation")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_invited")
    assert (as_row(regular), waiting()) == (before, [])


@pytest.mark.parametrize("who", ["user", "client"])
def test_nobody_inactive_is_invited(
    as_administrator: APIClient, invited: User, acme: Client, who: str
) -> None:
    rows: Any = User.objects.filter(pk=invited.pk) if who == "user" else Client.objects
    rows.update(active=False)
    before = as_row(invited)

    answer = as_administrator.post(f"/users/{invited.pk}/invitation")

    assert (answer.status_code, answer.json()["code"]) == (409, "inactive")
    assert (as_row(invited), waiting()) == (before, [])


def test_another_address_gets_the_invitation_and_the_old_link_is_dead(
    as_administrator: APIClient, invited: User, invitation: str
) -> None:
    as_administrator.put(f"/users/{invited.pk}", {"email": "ivy.new@example.com"})

    (message,) = delivered()
    assert message.to == ["ivy.new@example.com"]
    assert codes(accept(invitation)) == {"#/token": "token_not_valid"}
    assert accept(token_in(message)).status_code == 204


@pytest.mark.parametrize("change", [{"active": False}, {"password": CHOSEN}], ids=str)
def test_an_invitation_that_is_over_before_it_is_sent_is_not_sent(
    as_administrator: APIClient, invited: User, change: dict[str, Any]
) -> None:
    as_administrator.post(f"/users/{invited.pk}/invitation")
    as_administrator.put(f"/users/{invited.pk}", change)

    assert [message.subject for message in delivered() if "invitation" in message.subject] == []


@pytest.mark.parametrize("field", ["active", "client_id", "email"])
def test_an_invitation_from_before_a_change_stays_dead(
    as_administrator: APIClient, invited: User, invitation: str, field: str
) -> None:
    path = f"/users/{invited.pk}"
    there_and_back: dict[str, list[Any]] = {
        "active": [False, True],
        "client_id": [None, invited.client_id],
        "email": ["other@example.com", invited.email],
    }
    for value in there_and_back[field]:
        assert as_administrator.put(path, {field: value}).status_code == 200

    assert codes(accept(invitation)) == {"#/token": "token_not_valid"}


def test_nobody_inactive_is_invited_at_a_new_address(
    as_administrator: APIClient, invited: User
) -> None:
    body = {"active": False, "email": "other@example.com"}
    assert as_administrator.put(f"/users/{invited.pk}", body).status_code == 200

    assert waiting() == []


# Accepting


@pytest.mark.parametrize(
    ("password", "more", "expected"),
    [
        ("short", {}, {"#/password": "password_too_short"}),
        ("ivy@example.com", {}, {"#/password": "password_too_similar"}),
        ("passwordpassword", {}, {"#/password": "password_too_common"}),
        (CHOSEN, {"password_confirmation": "other"}, {"#/password_confirmation": "mismatch"}),
        (CHOSEN, {"password_confirmation": ""}, {"#/password_confirmation": "mismatch"}),
        (CHOSEN, {"email": "ivy@example.com"}, {"#/email": "unknown_field"}),
    ],
)
def test_a_password_is_held_to_the_rules_and_the_link_lives_on(
    invited: User, invitation: str, password: str, more: dict[str, str], expected: dict[str, str]
) -> None:
    before = as_row(invited)

    assert codes(accept(invitation, password, **more)) == expected
    assert as_row(invited) == before
    assert accept(invitation).status_code == 204


def test_a_link_is_good_for_one_use(invited: User, invitation: str) -> None:
    assert accept(invitation).status_code == 204
    before = as_row(invited)

    assert codes(accept(invitation, "another long password")) == {"#/token": "token_not_valid"}
    assert as_row(invited) == before


@pytest.mark.parametrize(("days", "seconds", "status"), [(7, -2, 204), (7, 2, 400)])
def test_a_link_lives_seven_days(
    as_administrator: APIClient, invited: User, days: int, seconds: int, status: int
) -> None:
    as_administrator.post(f"/users/{invited.pk}/invitation")
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        (message,) = delivered()
        clock.shift(timedelta(days=days, seconds=seconds))

        assert accept(token_in(message)).status_code == status


@pytest.mark.parametrize("who", ["user", "client"])
def test_a_link_of_somebody_inactive_is_dead(
    invited: User, acme: Client, invitation: str, who: str
) -> None:
    rows: Any = User.objects.filter(pk=invited.pk) if who == "user" else Client.objects
    rows.update(active=False)

    assert codes(accept(invitation)) == {"#/token": "token_not_valid"}
    assert not User.objects.get(pk=invited.pk).has_usable_password()


def test_a_link_is_one_users_alone(invited: User, invitation: str) -> None:
    other = InvitedFactory()
    before = as_row(other)
    foreign = invitation.replace(f"{invited.pk}:", f"{other.pk}:", 1)

    assert codes(accept(foreign)) == {"#/token": "token_not_valid"}
    assert as_row(other) == before


def test_a_link_to_reset_is_no_invitation(regular: User, invited: User) -> None:
    before = as_row(regular)

    for user in (regular, invited):
        assert codes(accept(PASSWORD_RESET.token(user))) == {"#/token": "token_not_valid"}
    assert as_row(regular) == before


SIGNATURE = "a" * 43
ODD = ["x", "1:1:x", f"0:1:{SIGNATURE}", f"{2**63}:1:{SIGNATURE}", f"1:-1:{SIGNATURE}", " ",
       f"٣:1:{SIGNATURE}", f"1:zzzzzzzz:{SIGNATURE}", f"1:1:{SIGNATURE}\n", "é" * 60]  # fmt: skip


@pytest.mark.parametrize("token", ODD)
def test_what_is_no_token_is_refused(invited: User, token: str) -> None:
    assert codes(accept(token)) == {"#/token": "token_not_valid"}


@pytest.mark.parametrize(
    ("token", "code"),
    [(5, "invalid"), (None, "null"), ("", "blank"), ("a" * 129, "max_length"), (["1"], "invalid")],
    ids=repr,
)  # fmt: skip
def test_what_is_no_text_is_refused(db: None, token: Any, code: str) -> None:
    assert codes(accept(token)) == {"#/token": code}


@pytest.mark.parametrize("at", [0, 3, -1])
def test_a_changed_token_is_refused(invited: User, invitation: str, at: int) -> None:
    start = len(str(invited.pk)) + 1 if at else 0
    index = start + at if at >= 0 else len(invitation) - 2
    one, other = "98" if index == 0 else "AB"
    changed = invitation[:index] + (one if invitation[index] != one else other)
    changed += invitation[index + 1 :]

    assert codes(accept(changed)) == {"#/token": "token_not_valid"}
    assert not User.objects.get(pk=invited.pk).has_usable_password()


def test_no_row_holds_a_token(invited: User, invitation: str) -> None:
    signature = invitation.rpartition(":")[2]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 # our own tables
            assert signature not in str(cursor.fetchall()), table


# Status


def test_lists_by_status(as_administrator: APIClient, administrator: User, acme: Client) -> None:
    rows = {
        "active": [administrator.pk, UserFactory(client=acme).pk],
        "invited": [InvitedFactory(client=acme).pk],
        "inactive": [UserFactory(active=False).pk, InvitedFactory(active=False).pk],
    }

    for status, expected in rows.items():
        answer = as_administrator.get(f"/users?status={status}&include=status").json()
        assert [user["id"] for user in answer["results"]] == expected
        assert {user["status"] for user in answer["results"]} == {status}


@pytest.mark.parametrize("status", ["Invited", "unknown", "", "invited,active"])
def test_refuses_another_status(as_administrator: APIClient, status: str) -> None:
    assert as_administrator.get(f"/users?status={status}").status_code == 400


def test_status_is_read_only(as_administrator: APIClient, invited: User) -> None:
    path = f"/users/{invited.pk}"

    assert as_administrator.put(path, {"status": "invited"}).status_code == 200
    assert codes(as_administrator.put(path, {"status": "active"})) == {"#/status": "read_only"}


def test_an_invited_administrator_is_not_the_last_one(
    as_administrator: APIClient, administrator: User, acme: Client
) -> None:
    InvitedFactory(client=None)
    before = as_row(administrator)

    answer = as_administrator.put(f"/users/{administrator.pk}", {"client_id": acme.pk})

    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    assert as_row(administrator) == before


def test_a_set_password_makes_an_invited_user_active(
    as_administrator: APIClient, invited: User, invitation: str, login: Login
) -> None:
    as_administrator.put(f"/users/{invited.pk}", {"password": CHOSEN})

    assert codes(accept(invitation)) == {"#/token": "token_not_valid"}
    login(invited, CHOSEN)
