"""What the mails say: templates/emails/<kind>.txt and .html, written down when they are sent."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from users.links import INVITATION, PASSWORD_RESET
from users.mail.outbox import Kind
from users.models import Mail, User

LINKS = {Kind.INVITATION: INVITATION, Kind.PASSWORD_RESET: PASSWORD_RESET}
SUBJECTS = {
    Kind.INVITATION: "Your invitation",
    Kind.PASSWORD_RESET: "Set a new password",
    Kind.PASSWORD_CHANGED: "Your password was changed",
    Kind.EMAIL_CHANGED: "Your email address was changed",
    Kind.REFRESH_REPLAYED: "We ended one of your sessions",
}


def compose(mail: Mail) -> EmailMultiAlternatives | None:
    """Return the mail as it is to be sent, text and HTML; None where it is obsolete.

    The address is always one that an account has or had, never what somebody typed.
    """
    kind = Kind(mail.kind)
    user = mail.user or User.objects.select_related("client").filter(email=mail.recipient).first()
    if user is None or (kind in LINKS and not _may_have_link(mail, kind, user)):
        return None
    context: dict[str, Any] = {"user": user, "at": mail.created_at, "host": settings.LINK_ORIGIN}
    if kind in LINKS:
        context["url"] = LINKS[kind].url(user)
    message = EmailMultiAlternatives(
        subject=SUBJECTS[kind],
        body=render_to_string(f"emails/{kind}.txt", context),
        to=[mail.recipient],
        headers={
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
            "Message-ID": f"<roster-{mail.pk}-{mail.created_at:%Y%m%d%H%M%S%f}@{_domain()}>",
        },
    )
    message.attach_alternative(render_to_string(f"emails/{kind}.html", context), "text/html")
    return message


def _may_have_link(mail: Mail, kind: Kind, user: User) -> bool:
    if user.email != mail.recipient or not LINKS[kind].is_open_to(user):
        return False
    return kind != Kind.PASSWORD_RESET or _resets_in_the_last_hour(user) < settings.RESETS_PER_HOUR


def _resets_in_the_last_hour(user: User) -> int:
    """Count what was sent: anybody can ask, and nobody's mailbox is to be flooded."""
    since = timezone.now() - timedelta(hours=1)
    sent = Mail.objects.filter(kind=Kind.PASSWORD_RESET, recipient=user.email, sent_at__gt=since)
    return sent.count()


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
