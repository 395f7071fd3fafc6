"""Sending what is in the outbox: each mail at least once, however often the server is away."""

import logging
import smtplib
from datetime import timedelta

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from users.mail.messages import compose
from users.models import Mail

log = logging.getLogger("roster.mail")

LEASE = timedelta(minutes=5)  # in which nobody else takes the mail; longer than sending can take
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
REFUSED = 500  # from here on an SMTP reply is final (RFC 5321, section 4.2.1)


class ServerAway(Exception):
    """The mail server does not answer or takes nobody's mail now; what is due stays due."""


def send_due() -> int:
    """Send all that is due and return how many were sent; raise `ServerAway` with the rest left."""
    sent = 0
    connection = get_connection()
    try:
        while mail := _claim():
            sent += _deliver(mail, connection)
    finally:
        connection.close()
    return sent


@transaction.atomic
def _claim() -> Mail | None:
    """Take the next mail for `LEASE`. No lock is held while it is sent: SQLite has one writer."""
    due = Mail.objects.due().select_for_update(skip_locked=True).order_by("due_at", "pk")
    mail = due.first()
    if mail is not None:
        mail.attempts += 1
        mail.due_at = timezone.now() + LEASE
        mail.save(update_fields=["attempts", "due_at"])
    return mail


def _deliver(mail: Mail, connection: BaseEmailBackend) -> bool:
    try:
        message = compose(mail)
    except ValueError as fault:  # a kind that only a newer version of the service knows
        _postpone(mail, str(fault), is_final=False)
        return False
    if message is None:
        _settle(mail, Mail.State.OBSOLETE)
        return False
    message.connection = connection
    try:
        connection.open()
        message.send()
    except smtplib.SMTPRecipientsRefused as refusal:
        (reply,) = refusal.recipients.values()
        _postpone(mail, _words(*reply), is_final=reply[0] >= REFUSED)
        return False
    except smtplib.SMTPDataError as refusal:
        _postpone(mail, _reason(refusal), is_final=refusal.smtp_code >= REFUSED)
        return False
    except OSError as fault:  # no connection, or what smtplib raises of one
        _postpone(mail, _reason(fault), is_final=False)
        raise ServerAway(_reason(fault)) from fault
    _settle(mail, Mail.State.SENT)
    return True


def _settle(mail: Mail, state: Mail.State, error: str = "") -> None:
    mail.state, mail.error = state, error
    mail.sent_at = timezone.now() if state == Mail.State.SENT else None
    mail.save(update_fields=["state", "error", "sent_at"])


def _postpone(mail: Mail, error: str, *, is_final: bool) -> None:
    now = timezone.now()
    if is_final or now - mail.created_at > GIVE_UP_AFTER:
        log.error("mail %s given up: %s", mail.pk, error)
        _settle(mail, Mail.State.FAILED, error)
        return
    pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10), LONGEST_PAUSE)
    mail.due_at, mail.error = now + pause, error
    mail.save(update_fields=["due_at", "error"])


def _reason(fault: Exception) -> str:
    if isinstance(fault, smtplib.SMTPResponseException):
        return _words(fault.smtp_code, fault.smtp_error)
    return f"{type(fault).__name__}: {fault}"[:255]


def _words(code: int, text: bytes | str) -> str:
    """Return what the server answered, in printable characters."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(c if c.isprintable() else " " for c in f"{code} {said}")[:255]


def purge(*, limit: int) -> int:
    """Delete up to `limit` mails that were sent or obsolete 30 days ago; return how many."""
    over = Mail.objects.filter(
        state__in=(Mail.State.SENT, Mail.State.OBSOLETE),
        created_at__lt=timezone.now() - KEPT_FOR,
    )
    ids = list(over.order_by("pk").values_list("pk", flat=True)[:limit])
    count, _ = Mail.objects.filter(pk__in=ids).delete()
    return count
