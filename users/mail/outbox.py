"""Putting mails into the outbox: called by the verbs, inside their transaction."""

from collections.abc import Collection, Iterator
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from config.audit.events import Event
from config.audit.trail import Act, record_all
from users.managers import MailQuerySet
from users.models import Mail, User


class Kind(StrEnum):
    """What a mail is about; the names of its templates in templates/emails/."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 # a name, no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 # a name, no password
    EMAIL_CHANGED = "email_changed"
    REFRESH_REPLAYED = "refresh_replayed"


def enqueue(kind: Kind, user: User, *, to: str = "") -> None:
    """Put a mail to `user` into the outbox, to their present address or `to`."""
    mail(kind, user, to=to).save()


def mail(kind: Kind, user: User, *, to: str = "") -> Mail:
    """Return a mail that is not in the outbox yet."""
    return Mail(kind=kind, user=user, recipient=to or user.email)


def enqueue_invitation(user: User) -> None:
    """Invite; an invitation that still waits is about a link that is dead now."""
    invite_all([user])


def invite_all(users: list[User]) -> None:
    """Invite many; see `enqueue_invitation`."""
    if not users:
        return
    waiting = Mail.objects.waiting().filter(user__in=users, kind=Kind.INVITATION)
    waiting.update(state=Mail.State.OBSOLETE)
    Mail.objects.bulk_create(mail(Kind.INVITATION, user) for user in users)


def enqueue_reset(email: str) -> None:
    """Ask for a reset of whoever has this canonical address.

    Nobody is looked up: the work is the same whether there is such an account or not.
    """
    Mail.objects.create(kind=Kind.PASSWORD_RESET, user=None, recipient=email)


@transaction.atomic
def retry(mails: MailQuerySet, *, actor: User) -> list[Mail]:
    """Let those of these mails that were given up be sent after all; return them."""
    failed = list(mails.filter(state=Mail.State.FAILED).select_related("user"))
    chosen = Mail.objects.filter(pk__in=[mail.pk for mail in failed], state=Mail.State.FAILED)
    chosen.update(state=Mail.State.WAITING, attempts=0, due_at=timezone.now())
    record_all(
        Act(Event.MAIL_RETRIED, actor, mail.user, details={"mail": mail.pk, "kind": mail.kind})
        for mail in failed
    )
    return failed


def notify_of_changes(user: User, changed: Collection[str], *, old_email: str) -> None:
    """Tell the owner, at the old address too, that the email or the password has changed."""
    for notice in notices_of_changes(user, changed, old_email=old_email):
        notice.save()


def notices_of_changes(user: User, changed: Collection[str], *, old_email: str) -> Iterator[Mail]:
    """Yield what `notify_of_changes` puts into the outbox."""
    if "email" in changed:
        for address in (old_email, user.email):
            yield mail(Kind.EMAIL_CHANGED, user, to=address)
    if "password" in changed:
        yield mail(Kind.PASSWORD_CHANGED, user, to=old_email)
