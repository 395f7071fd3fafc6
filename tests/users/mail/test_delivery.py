"""The outbox and its worker, against a real SMTP server: nothing is lost or sent twice."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from tests.factories import UserFactory
from tests.users.mail.conftest import Mailboxes
from users.mail.delivery import ServerAway, purge, send_due
from users.mail.outbox import Kind, enqueue
from users.models import Mail, User


@pytest.fixture
def mail(regular: User) -> Mail:
    """A notice to `regular` that waits."""
    enqueue(Kind.PASSWORD_CHANGED, regular)
    return Mail.objects.get()


def states() -> list[str]:
    return list(Mail.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("kind", Kind)
def test_every_mail_comes_as_text_and_html(mailboxes: Mailboxes, regular: User, kind: Kind) -> None:
    if kind == Kind.INVITATION:
        User.objects.filter(pk=regular.pk).update(password="!x")
        regular.refresh_from_db()
    enqueue(kind, regular)

    assert send_due() == 1

    (message,) = mailboxes.messages
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert message["To"] == "rita@example.com"
    assert message["From"] == "Roster <roster@127.0.0.1>"
    assert message["Subject"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Hello Rita Regular," in text.get_content()
    assert "Hello Rita Regular," in html.get_content()
    assert '<html lang="en">' in html.get_content()
    assert "{{" not in text.get_content() + html.get_content()
    assert max(map(len, text.get_content().splitlines())) < 100
    assert states() == ["sent"]


def test_a_name_is_inert_in_a_mail(mailboxes: Mailboxes, db: None) -> None:
    user = UserFactory(name="<b>Eve</b> {{ user.password }} & Co")
    enqueue(Kind.PASSWORD_CHANGED, user)

    send_due()

    (message,) = mailboxes.messages
    html: Any = message.get_body(("html",))
    text: Any = message.get_body(("plain",))
    assert "&lt;b&gt;Eve&lt;/b&gt; {{ user.password }} &amp; Co" in html.get_content()
    assert "<b>Eve</b> {{ user.password }} & Co" in text.get_content()


def test_no_mail_holds_a_password_or_digest(mailboxes: Mailboxes, regular: User) -> None:
    for kind in Kind:
        enqueue(kind, regular)

    send_due()

    assert len(mailboxes.messages) == len(Kind) - 1  # nobody with a password is invited
    assert not any(regular.password in str(message) for message in mailboxes.messages)
    assert not any("argon2" in str(message) for message in mailboxes.messages)


def test_a_server_that_is_down_loses_nothing(
    no_server: None, mail: Mail, request: pytest.FixtureRequest
) -> None:
    enqueue(Kind.EMAIL_CHANGED, mail.user)  # type: ignore[arg-type] # there is one

    with pytest.raises(ServerAway):
        send_due()

    assert states() == ["waiting", "waiting"]
    assert "Connection refused" in Mail.objects.get(pk=mail.pk).error
    boxes: Mailboxes = request.getfixturevalue("mailboxes")  # it comes back
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert send_due() == 2
    assert states() == ["sent", "sent"]
    assert len(boxes.messages) == 2
    assert Mail.objects.get(pk=mail.pk).error == ""


def test_waits_longer_each_time_up_to_an_hour_and_gives_up_after_three_days(
    no_server: None, mail: Mail
) -> None:
    pauses = []
    with time_machine.travel(mail.created_at, tick=False) as clock:
        while states() == ["waiting"]:
            clock.move_to(Mail.objects.get().due_at)
            with pytest.raises(ServerAway):
                send_due()
            mail.refresh_from_db()
            pauses.append((mail.due_at - timezone.now()) / timedelta(minutes=1))

    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert states() == ["failed"]
    assert timezone.now() - mail.created_at < timedelta(days=4)
    assert mail.attempts == len(pauses)


def test_what_is_not_due_waits(mailboxes: Mailboxes, mail: Mail) -> None:
    Mail.objects.update(due_at=timezone.now() + timedelta(seconds=30))

    assert send_due() == 0
    assert (states(), mailboxes.messages) == (["waiting"], [])


@pytest.mark.parametrize(("reply", "state"), [("550 No such user", "failed"),
                                              ("451 Try again later", "waiting")])  # fmt: skip
def test_a_refused_recipient_stops_nobody_else(
    mailboxes: Mailboxes, mail: Mail, stranger: User, reply: str, state: str
) -> None:
    mailboxes.refused = {mail.recipient: reply}
    enqueue(Kind.PASSWORD_CHANGED, stranger)

    assert send_due() == 1

    assert states() == [state, "sent"]
    assert Mail.objects.get(pk=mail.pk).error == reply
    assert [message["To"] for message in mailboxes.messages] == [stranger.email]


@pytest.mark.parametrize(("reply", "state"), [("554 This is spam", "failed"),
                                              ("452 Mailbox full", "waiting")])  # fmt: skip
def test_a_refused_message_is_told(
    mailboxes: Mailboxes, mail: Mail, reply: str, state: str
) -> None:
    mailboxes.data_reply = reply

    assert send_due() == 0
    assert states() == [state]
    assert Mail.objects.get().error == reply


def test_a_worker_that_dies_leaves_the_mail_to_the_next(
    mailboxes: Mailboxes, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMultiAlternatives.send", die)
        with pytest.raises(KeyboardInterrupt):
            send_due()
    assert (states(), send_due()) == (["waiting"], 0)  # the lease of the dead one runs

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert send_due() == 1
    assert len(mailboxes.messages) == 1


def test_a_mail_that_cannot_be_written_stops_no_other(
    mailboxes: Mailboxes, mail: Mail, stranger: User
) -> None:
    Mail.objects.update(kind="of a newer version")
    enqueue(Kind.PASSWORD_CHANGED, stranger)

    assert send_due() == 1
    assert states() == ["waiting", "sent"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_is_sent_once_by_two_workers_at_once(
    mailboxes: Mailboxes, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one sends, another looks into the outbox."""
    send, others = EmailMultiAlternatives.send, []

    def send_while_another_looks(message: Any) -> Any:
        monkeypatch.setattr(EmailMultiAlternatives, "send", send)
        others.append(send_due())
        return send(message)

    monkeypatch.setattr(EmailMultiAlternatives, "send", send_while_another_looks)

    assert (send_due(), others) == (1, [0])
    assert len(mailboxes.messages) == 1


@pytest.mark.django_db(transaction=True)
def test_no_lock_is_held_while_a_mail_is_sent(
    mailboxes: Mailboxes, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, within = EmailMultiAlternatives.send, []

    def look_and_send(message: Any) -> Any:
        within.append(connection.in_atomic_block)
        return send(message)

    monkeypatch.setattr(EmailMultiAlternatives, "send", look_and_send)

    assert (send_due(), within) == (1, [False])


@pytest.mark.django_db(transaction=True)
def test_a_mail_of_an_act_that_failed_is_never_there(regular: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012 # the block is the act
        enqueue(Kind.PASSWORD_CHANGED, regular)
        raise RuntimeError

    assert states() == []


def test_the_command_sends_and_tells_how_many(mailboxes: Mailboxes, mail: Mail) -> None:
    out = StringIO()

    call_command("send_mails", "--once", stdout=out)

    assert out.getvalue() == "Mails sent: 1.\n"
    assert len(mailboxes.messages) == 1


def test_the_command_says_that_the_server_is_away(no_server: None, mail: Mail) -> None:
    out = StringIO()

    call_command("send_mails", "--once", stdout=out)

    assert out.getvalue().startswith("The mail server is away, what is due stays due: ")
    assert states() == ["waiting"]


@pytest.mark.parametrize("state", ["sent", "obsolete"])
def test_old_mails_are_purged(mail: Mail, state: str) -> None:
    Mail.objects.update(state=state, created_at=timezone.now() - timedelta(days=30, seconds=1))

    assert purge(limit=10) == 1
    assert states() == []


@pytest.mark.parametrize(("state", "days"), [("waiting", 99), ("failed", 99), ("sent", 29)])
def test_no_other_mail_is_purged(mail: Mail, state: str, days: int) -> None:
    Mail.objects.update(state=state, created_at=timezone.now() - timedelta(days=days))

    assert purge(limit=10) == 0
    assert states() == [state]
