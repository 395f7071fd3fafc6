"""What invitations, resets, dormancy and new keys leave in the trail."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from config.signing_keys import KeyDirectory
from tests.admin_site import act, enter
from tests.factories import InvitedFactory, UserFactory, as_row
from tests.mails import waiting
from tests.trail import events, names, run
from users.links import INVITATION, PASSWORD_RESET
from users.mail.outbox import Kind, enqueue
from users.models import Mail, User

CHOSEN = "an entirely new sentence"
WHO = ("event", "actor", "target_id", "door")


@pytest.fixture
def invited(acme: Client) -> User:
    return InvitedFactory(email="ivy@example.com", client=acme)


def test_an_invited_new_user(as_administrator: APIClient, administrator: User) -> None:
    body = {"name": "Grace", "email": "grace@example.com", "client_id": None, "invite": True}
    user_id = as_administrator.post("/users", body).json()["id"]

    created, sent = events(target_id=user_id)
    assert [created[key] for key in WHO] == ["user_created", administrator.email, user_id, "api"]
    assert created["changes"]["password"] == [None, None]
    assert [sent[key] for key in WHO] == ["invitation_sent", administrator.email, user_id, "api"]


def test_a_new_invitation(as_administrator: APIClient, administrator: User, invited: User) -> None:
    as_administrator.post(f"/users/{invited.pk}/invitation")

    (row,) = events(target_id=invited.pk)
    assert [row[key] for key in WHO] == ["invitation_sent", administrator.email, invited.pk, "api"]


def test_a_refused_invitation_leaves_nothing(as_administrator: APIClient, regular: User) -> None:
    assert as_administrator.post(f"/users/{regular.pk}/invitation").status_code == 409

    assert events(target_id=regular.pk) == []


def test_invitations_by_an_operator(administrator: User, invited: User) -> None:
    act(enter(administrator), "/admin/users/user/", "invite", invited)

    (row,) = events(target_id=invited.pk)
    assert [row[key] for key in WHO] == ["invitation_sent", administrator.email, invited.pk,
                                         "admin"]  # fmt: skip


def test_many_invitations_at_once_hold_one_lane(administrator: User) -> None:
    invited = [InvitedFactory() for _ in range(70)]
    browser = enter(administrator)

    act(browser, "/admin/users/user/", "invite", *invited)

    rows = events(event="invitation_sent")
    assert [row["target_id"] for row in rows] == [user.pk for user in invited]
    assert len({row["lane"] for row in rows}) == 1


def test_mails_that_an_operator_lets_be_sent_again(administrator: User, regular: User) -> None:
    enqueue(Kind.PASSWORD_CHANGED, regular)
    Mail.objects.update(state="failed")

    act(enter(administrator), "/admin/users/mail/", "retry", *Mail.objects.all())

    (row,) = events(event="mail_retried")
    assert [row[key] for key in WHO[1:]] == [administrator.email, regular.pk, "admin"]
    assert row["details"] == {"mail": Mail.objects.get().pk, "kind": "password_changed"}


def test_an_invitation_to_a_new_address(as_administrator: APIClient, invited: User) -> None:
    as_administrator.put(f"/users/{invited.pk}", {"email": "right@example.com"})

    assert names(target_id=invited.pk) == ["user_updated", "invitation_sent"]


@pytest.mark.parametrize("door", ["api", "page"])
@pytest.mark.parametrize("event", ["invitation_accepted", "password_reset"])
def test_a_password_set_by_a_link(invited: User, regular: User, door: str, event: str) -> None:
    link, user = (
        (INVITATION, invited) if event == "invitation_accepted" else (PASSWORD_RESET, regular)
    )
    token = link.token(user)
    if door == "page":
        Browser().post(f"{link.path}/{token}", {"password1": CHOSEN, "password2": CHOSEN})
    else:
        path = "invitation" if link is INVITATION else "password/reset"
        APIClient().post(f"/auth/{path}", {"token": token, "password": CHOSEN})

    (row,) = events(target_id=user.pk)
    assert [row[key] for key in WHO] == [event, user.email, user.pk, door]
    old = None if link is INVITATION else "***"
    assert row["changes"] == {"password": [old, "***"]}
    assert row["details"] == {"sessions_ended": 0}
    assert token not in str(events())


@pytest.mark.parametrize(("email", "is_known"), [("rita@example.com", True),
                                                 ("nobody@example.com", False)])  # fmt: skip
@pytest.mark.parametrize("door", ["api", "page"])
def test_a_reset_asked_for(regular: User, email: str, is_known: bool, door: str) -> None:
    if door == "api":
        APIClient().post("/auth/password/forgotten", {"email": email.upper()})
    else:
        Browser().post("/password/forgotten", {"email": email})

    (row,) = events()
    expected = ["password_reset_requested", "", regular.pk if is_known else None, door]
    assert [row[key] for key in WHO] == expected
    assert row["details"] == {"email": email}


def test_a_dead_link_leaves_nothing(regular: User) -> None:
    body = {"token": "1:1:" + "a" * 43, "password": CHOSEN}
    assert APIClient().post("/auth/password/reset", body).status_code == 400

    assert events() == []


def test_each_dormant_user(administrator: User) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    dormant = [UserFactory(last_login_at=long_ago) for _ in range(2)]
    User.objects.filter(pk=administrator.pk).update(last_login_at=timezone.now())

    call_command("deactivate_dormant", "--days", "90", stdout=StringIO())

    rows = events()
    assert [row["target_id"] for row in rows] == [user.pk for user in dormant]
    assert {row["event"] for row in rows} == {"user_deactivated_dormant"}
    assert {(row["actor"], row["door"]) for row in rows} == {("", "command")}
    assert rows[0]["changes"] == {"active": [True, False]}


@pytest.mark.parametrize("leaked", [False, True])
def test_a_new_signing_key(db: None, settings: LazySettings, tmp_path: Path, leaked: bool) -> None:
    settings.SIGNING_KEYS = KeyDirectory(tmp_path, lifetime=900)

    call_command("rotate_signing_key", *(["--leaked"] if leaked else []), stdout=StringIO())

    (row,) = events()
    assert (row["event"], row["door"]) == ("signing_key_rotated", "command")
    kids = {key.kid for key in settings.SIGNING_KEYS.verifying()}
    assert row["details"]["kid"] in kids
    assert ("leaked" in row["details"]) == leaked
    assert "PRIVATE" not in str(row)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["invitation", "forgotten", "reset"])
def test_nothing_is_done_that_cannot_be_recorded(
    what: str, regular: User, invited: User, as_administrator: APIClient
) -> None:
    before = (as_row(regular), as_row(invited), waiting())
    body = {"token": PASSWORD_RESET.token(regular), "password": CHOSEN}
    path, data = {
        "invitation": (f"/users/{invited.pk}/invitation", None),
        "forgotten": ("/auth/password/forgotten", {"email": regular.email}),
        "reset": ("/auth/password/reset", body),
    }[what]

    as_administrator.raise_request_exception = False
    run("ALTER TABLE audit_lanes RENAME TO away")
    try:
        answer = as_administrator.post(path, data)
    finally:
        run("ALTER TABLE away RENAME TO audit_lanes")

    assert answer.status_code in (500, 503)
    assert (as_row(regular), as_row(invited), waiting()) == before
