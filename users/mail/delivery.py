"""Sending what is in the outbox: each mail at least once, however often the server is away."""

import logging
import smtplib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, transaction
from django.utils import timezone

from users.mail.messages import compose
from users.models import Mail

log = logging.getLogger("roster.mail")

LEASE = timedelta(minutes=15)  # in which nobody else takes the mail; longer than sending takes
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
MOST_ATTEMPTS = 290  # three days of them
KEPT_FOR = timedelta(days=30)
REFUSED = 500  # from here on an SMTP reply is final (RFC 5321, section 4.2.1)


class ServerAway(Exception):
    """The mail server does not answer or takes nobody's mail now; what is due stays due."""


def send_due(is_to_stop: Callable[[], bool] = lambda: False) -> int:
    """Send all that is due and return how many were sent; raise `ServerAway` with the rest left."""
    sent = 0
    connection = get_connection()
    try:
        while not is_to_stop() and (mail := _claim()):
            sent += _deliver(mail, connection)
    finally:
        with suppress(OSError):  # a server that says good-bye in its own way
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
        if message is None:
            _drop(mail)
            return False
        message.connection = connection
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
    except DatabaseError:
        raise
    except Exception as fault:
        # Whatever is wrong with one mail must not keep the others: it waits like any other.
        log.exception("mail %s cannot be sent", mail.pk)
        _postpone(mail, _reason(fault), is_final=False)
        return False
    _settle(mail, Mail.State.SENT)
    return True


def _drop(mail: Mail) -> None:
    """Keep what is obsolete, but nothing that anybody could have asked for in a stranger's name."""
    if mail.user is None:
        mail.delete()
    else:
        _settle(mail, Mail.State.OBSOLETE)


def _settle(mail: Mail, state: Mail.State, error: str = "") -> None:
    mail.state, mail.error = state, error
    mail.sent_at = timezone.now() if state == Mail.State.SENT else None
    mail.save(update_fields=["state", "error", "sent_at"])


def _postpone(mail: Mail, error: str, *, is_final: bool) -> None:
    if is_final or mail.attempts >= MOST_ATTEMPTS:
        log.error("mail %s given up: %s", mail.pk, error)
        _settle(mail, Mail.State.FAILED, error)
        return
    pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10), LONGEST_PAUSE)
    mail.due_at, mail.error = timezone.now() + pause, error
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
    """Delete up to `limit` mails of 30 days ago that do not wait any more; return how many."""
    old = Mail.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    over = old.exclude(state=Mail.State.WAITING)
    ids = list(over.order_by("pk").values_list("pk", flat=True)[:limit])
    count, _ = Mail.objects.filter(pk__in=ids).delete()
    return count
