"""What the mails say: templates/emails/<kind>.txt and .html, written down when they are sent."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

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
    if kind != Kind.INVITATION and _sent_lately(mail) >= settings.MAILS_PER_HALF_HOUR:
        return None
    # No name: whoever may choose one could write to strangers with it.
    context: dict[str, Any] = {
        "recipient": mail.recipient,
        "at": mail.created_at,
        "origin": settings.LINK_ORIGIN,
    }
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
    return user.email == mail.recipient and LINKS[kind].is_open_to(user)


def _sent_lately(mail: Mail) -> int:
    """Count the mails of this kind to this address, those being sent too.

    Anybody can ask for a reset or take a stranger's address for their own: nobody's mailbox is to
    be flooded. As long as a link lives, so that its owner is never left without a live one.
    """
    alike = Mail.objects.sent_lately().filter(kind=mail.kind, recipient=mail.recipient)
    # Of those that wait together the first ones go, not none.
    return alike.exclude(pk=mail.pk).exclude(state=Mail.State.WAITING, pk__gt=mail.pk).count()


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
