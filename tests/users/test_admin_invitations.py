"""Invitations and the outbox at the operators' site."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.utils import timezone

from clients.models import Client
from tests.admin_site import act, enter, errors, save, told
from tests.factories import InvitedFactory, UserFactory, as_row
from tests.mails import delivered, token_in, waiting
from users.links import INVITATION
from users.mail.outbox import Kind, enqueue
from users.models import Mail, User

ADD = "/admin/users/user/add/"
USERS = "/admin/users/user/"
MAILS = "/admin/users/mail/"
NEW = {"name": "Grace", "email": "grace@example.com", "active": "on"}


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


def test_a_new_user_is_invited(browser: Browser, acme: Client) -> None:
    answer = save(browser, ADD, **NEW, client=acme.pk, invite="on")

    assert answer.status_code == 302
    (message,) = delivered()
    assert message.to == ["grace@example.com"]
    token = token_in(message)
    assert INVITATION.read(token, User.objects.all()) == User.objects.get(email=NEW["email"])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"password1": "a", "password2": "a"}, {"password1": ["invalid"]}),
        ({"active": None}, {"invite": ["invalid"]}),
        ({"email": "ada@example.com"}, {"email": ["unique"]}),
    ],
    ids=["password", "inactive", "taken"],
)
def test_nobody_is_invited_by_halves(
    browser: Browser, typed: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    before = User.objects.count()

    answer = save(browser, ADD, **{**NEW, "invite": "on", **typed})

    assert errors(answer) == expected
    assert (User.objects.count(), waiting()) == (before, [])


def test_without_invitation_a_password_is_needed(browser: Browser) -> None:
    answer = save(browser, ADD, **NEW)

    assert errors(answer) == {"password1": ["required"], "password2": ["required"]}


def test_no_to_an_invitation_is_no_invitation(browser: Browser) -> None:
    before = User.objects.count()
    for no in ("False", "false"):
        answer = save(browser, ADD, **NEW, invite=no)

        assert errors(answer) == {"password1": ["required"], "password2": ["required"]}
    assert User.objects.count() == before


def test_those_invited_get_a_new_link_and_the_others_are_left_out(
    browser: Browser, acme: Client
) -> None:
    invited, again = InvitedFactory(client=acme), InvitedFactory(client=acme)
    others = [UserFactory(client=acme), InvitedFactory(client=acme, active=False)]
    before = list(map(as_row, others))
    old = INVITATION.token(invited)

    answer = act(browser, USERS, "invite", invited, again, *others)

    assert told(answer) == [
        ("success", "Invitations sent: 2."),
        ("warning", "Left out, as they are inactive or have a password: 2."),
    ]
    assert waiting() == [("invitation", invited.email), ("invitation", again.email)]
    assert INVITATION.read(old, User.objects.all()) is None
    assert list(map(as_row, others)) == before


def test_users_are_listed_by_status(browser: Browser, acme: Client) -> None:
    InvitedFactory(email="ivy@example.com", client=acme)
    UserFactory(email="ina@example.com", client=acme, active=False)

    for status, email in (("invited", "ivy"), ("inactive", "ina"), ("active", "ada")):
        page = browser.get(f"{USERS}?status={status}")
        assert [user.email for user in page.context["cl"].result_list] == [f"{email}@example.com"]
    assert browser.get(f"{USERS}?status=odd").status_code == 302  # back to the whole list


@pytest.fixture
def failed(regular: User) -> Mail:
    enqueue(Kind.PASSWORD_CHANGED, regular)
    long_ago = timezone.now() - timedelta(days=4)
    state = {"state": "failed", "attempts": 80, "error": "550 <b>No</b>", "created_at": long_ago}
    Mail.objects.update(**state)
    return Mail.objects.get()


def test_mails_are_shown_without_their_text(browser: Browser, failed: Mail) -> None:
    pages = [browser.get(path) for path in (MAILS, f"{MAILS}{failed.pk}/change/")]

    for page in pages:
        assert page.status_code == 200
        assert "550 &lt;b&gt;No&lt;/b&gt;" in page.content.decode()
        assert "Hello" not in page.content.decode()


def test_a_failed_mail_can_be_tried_again(browser: Browser, failed: Mail, regular: User) -> None:
    enqueue(Kind.EMAIL_CHANGED, regular)
    Mail.objects.exclude(pk=failed.pk).update(state="sent")

    answer = act(browser, MAILS, "retry", *Mail.objects.all())

    assert told(answer) == [("success", "Mails to be sent again: 1.")]
    assert Mail.objects.get(pk=failed.pk).created_at == failed.created_at  # what it tells of
    assert LogEntry.objects.get().object_id == str(failed.pk)
    assert [message.subject for message in delivered()] == ["Your password was changed"]


def test_mails_are_found_by_address(browser: Browser, failed: Mail) -> None:
    for typed, count in (("RITA", 1), ("rita example", 1), ("nobody", 0)):
        page = browser.get(MAILS, {"q": typed})
        assert len(page.context["cl"].result_list) == count


def test_nobody_writes_changes_or_deletes_a_mail(browser: Browser, failed: Mail) -> None:
    before = Mail.objects.values().get()

    for path in (f"{MAILS}add/", f"{MAILS}{failed.pk}/change/", f"{MAILS}{failed.pk}/delete/"):
        assert browser.post(path, {"state": "waiting", "post": "yes"}).status_code == 403

    assert Mail.objects.values().get() == before
