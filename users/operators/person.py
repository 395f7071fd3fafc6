"""What the page of a user shows beside the form."""

from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.audit.models import AuditEvent
from config.operators.looks import instant
from config.operators.time_line import LATEST, lines_of
from users.links import INVITATION
from users.mail.outbox import Kind
from users.models import Mail, Session, User
from users.operators.columns import client_link, role_badge, status_badge

NEWEST = 20  # sessions
LAST_MAILS = 5


def page_of(user: User, *, session: Session | None) -> dict[str, Any]:
    """Return what the template shows of the user; `session` is the operator's own.

    The number of queries is the same however much there is: a count and the newest of the
    sessions, two halves of the time line, two of the mails; one more for who is invited.
    """
    return {
        "user": user,
        "status": status_badge(user),
        "role": role_badge(user),
        "client": client_link(user.client),
        "since": instant(user.created_at),
        "last_login": instant(user.last_login_at),
        "invitation": invitation_of(user),
        "sessions": sessions_of(user, session),
        "sessions_count": User.objects.filter(pk=user.pk).live_sessions().count(),
        "mails": mails_to(user),
        "time_line": lines_of(latest_of(user.pk)),
    }


def invitation_of(user: User) -> SafeString | str:
    """Return how the last invitation stands; empty for who is not invited."""
    if user.status != "invited":
        return ""
    mail = Mail.objects.filter(user=user.pk, kind=Kind.INVITATION).order_by("-pk").first()
    if mail is None:
        return "Never sent"
    state = mail.get_state_display()
    if mail.sent_at and timezone.now() - mail.sent_at > INVITATION.lifetime:
        state = "Expired, sent"
    return format_html("{} {}", state, instant(mail.sent_at or mail.created_at))


def sessions_of(user: User, own: Session | None) -> list[dict[str, Any]]:
    live = Session.objects.live().filter(user=user.pk).order_by("-created_at", "-pk")[:NEWEST]
    return [
        {
            "row": session,
            "created": instant(session.created_at),
            "used": instant(session.refreshed_at),
            "is_own": own is not None and session.pk == own.pk,
        }
        for session in live
    ]


def mails_to(user: User) -> list[dict[str, Any]]:
    """Return the latest mails: those about the user, and what was asked for with their address."""
    about = Mail.objects.filter(user=user.pk).order_by("-pk")[:LAST_MAILS]
    asked_for = Mail.objects.filter(user=None, recipient=user.email).order_by("-pk")[:LAST_MAILS]
    found = sorted({*about, *asked_for}, key=lambda mail: mail.pk, reverse=True)[:LAST_MAILS]
    return [
        {
            "row": mail,
            "kind": mail.kind.replace("_", " ").capitalize(),
            "created": instant(mail.created_at),
            "sent": instant(mail.sent_at, never=""),
        }
        for mail in found
    ]


def latest_of(user_id: int) -> list[AuditEvent]:
    """Return the latest events by or on a user; two queries, an index for each."""
    did = AuditEvent.objects.filter(actor_id=user_id).order_by("-id")
    was_done_to = AuditEvent.objects.filter(target_type="user", target_id=user_id).order_by("-id")
    found = {*did[:LATEST], *was_done_to[:LATEST]}
    return sorted(found, key=lambda event: event.pk, reverse=True)[:LATEST]
