"""The outbox and its worker, against a real SMTP server: nothing is lost or sent twice."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from tests.factories import InvitedFactory, UserFactory
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
    assert text.get_content().startswith("Hello,")
    assert "<p>Hello,</p>" in html.get_content()
    assert '<html lang="en">' in html.get_content()
    assert "{{" not in text.get_content() + html.get_content()
    assert max(map(len, text.get_content().splitlines())) < 100
    assert states() == ["sent"]


def test_nobody_writes_to_strangers_by_a_name_of_their_choice(
    mailboxes: Mailboxes, db: None
) -> None:
    for user in (UserFactory(name="visit evil.example"), InvitedFactory(name="visit evil.example")):
        for kind in Kind:
            enqueue(kind, user)

    assert send_due() == 2 * len(Kind) - 2  # each of the two gets one of the two kinds of links
    assert not any("evil" in str(message) for message in mailboxes.messages)


def test_an_address_is_inert_in_a_mail(mailboxes: Mailboxes, db: None) -> None:
    enqueue(Kind.PASSWORD_CHANGED, UserFactory(email="a&b'{{x}}@example.com"))

    send_due()

    (message,) = mailboxes.messages
    html: Any = message.get_body(("html",))
    text: Any = message.get_body(("plain",))
    assert "a&amp;b&#x27;{{x}}@example.com" in html.get_content()
    assert "a&b'{{x}}@example.com" in text.get_content()


def test_an_address_that_breaks_mail_software_stops_no_other(
    mailboxes: Mailboxes, stranger: User
) -> None:
    breaking = "=?utf-8?q??=@example.com"
    Mail.objects.create(kind=Kind.PASSWORD_CHANGED, user=stranger, recipient=breaking)
    enqueue(Kind.PASSWORD_CHANGED, stranger)

    assert send_due() == 1
    assert states() == ["waiting", "sent"]
    assert "IndexError" in Mail.objects.earliest("pk").error


def test_a_worker_that_is_told_to_stop_sends_no_more(
    mailboxes: Mailboxes, mail: Mail, stranger: User
) -> None:
    enqueue(Kind.PASSWORD_CHANGED, stranger)

    assert send_due(lambda: len(mailboxes.messages) == 1) == 1
    assert states() == ["sent", "waiting"]


def test_no_mailbox_is_flooded_with_notices(
    mailboxes: Mailboxes, regular: User, settings: LazySettings
) -> None:
    settings.MAILS_PER_HALF_HOUR = 2
    for _ in range(4):
        enqueue(Kind.EMAIL_CHANGED, regular, to="victim@example.com")

    assert send_due() == 2
    assert states() == ["sent", "sent", "obsolete", "obsolete"]


def test_two_workers_keep_to_the_limit_together(
    mailboxes: Mailboxes, regular: User, settings: LazySettings
) -> None:
    settings.MAILS_PER_HALF_HOUR = 1
    for _ in range(2):
        enqueue(Kind.EMAIL_CHANGED, regular)
    in_hand = Mail.objects.filter(pk=Mail.objects.earliest("pk").pk)
    in_hand.update(attempts=1, due_at=timezone.now() + timedelta(minutes=5))

    assert send_due() == 0
    assert states() == ["waiting", "obsolete"]


def test_the_limit_takes_the_first_of_those_that_wait_together(
    mailboxes: Mailboxes, regular: User, settings: LazySettings
) -> None:
    settings.MAILS_PER_HALF_HOUR = 2
    for _ in range(3):
        enqueue(Kind.EMAIL_CHANGED, regular)
    Mail.objects.update(attempts=1)  # the server was away

    assert send_due() == 2
    assert states() == ["sent", "sent", "obsolete"]


def test_the_old_mailbox_does_not_learn_the_new_address(
    mailboxes: Mailboxes, regular: User
) -> None:
    enqueue(Kind.PASSWORD_CHANGED, regular, to="old@example.com")

    send_due()

    (message,) = mailboxes.messages
    assert regular.email not in str(message)
    assert "old@example.com" in str(message.get_body(("plain",)))


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


def test_waits_longer_each_time_up_to_a_quarter_of_an_hour_and_gives_up_after_three_days(
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

    assert pauses[:6] == [1, 2, 4, 8, 15, 15]
    assert states() == ["failed"]
    assert timedelta(days=2) < mail.due_at - mail.created_at < timedelta(days=4)
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

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
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
    with pytest.raises(CommandError, match=r"^The mail server is away, nothing is lost: "):
        call_command("send_mails", "--once")

    assert states() == ["waiting"]


@pytest.mark.parametrize("state", ["sent", "obsolete", "failed"])
def test_old_mails_are_purged(mail: Mail, state: str) -> None:
    Mail.objects.update(state=state, created_at=timezone.now() - timedelta(days=30, seconds=1))

    assert purge(limit=10) == 1
    assert states() == []


@pytest.mark.parametrize(("state", "days"), [("waiting", 99), ("failed", 29), ("sent", 29)])
def test_no_other_mail_is_purged(mail: Mail, state: str, days: int) -> None:
    Mail.objects.update(state=state, created_at=timezone.now() - timedelta(days=days))

    assert purge(limit=10) == 0
    assert states() == [state]
