"""What operators can do to one user, beside the fields of the form."""

from typing import cast

from django.http import HttpRequest

from config.operators.questions import counted
from config.operators.row_acts import RowAct
from users.admission import Inactive, NoPassword, NotInvited, invite_user, send_reset
from users.auth.admin_login import session_of
from users.lifecycle import end_sessions, update_user
from users.models import Session, User
from users.operators import consequences


def actor_of(request: HttpRequest) -> User:
    return cast(User, request.user)  # the site lets nobody else in


def _not_invitable(user: User) -> str:
    if user.has_usable_password():
        return NotInvited.default_detail
    return "" if user.is_active else Inactive.default_detail


def _invite(user: User, request: HttpRequest) -> str:
    invite_user(user, actor=actor_of(request))
    return f"Invitation sent to {user.email}. Links mailed before are dead."


def _not_resettable(user: User) -> str:
    if not user.is_active:
        return Inactive.default_detail
    return "" if user.has_usable_password() else NoPassword.default_detail


def _reset(user: User, request: HttpRequest) -> str:
    before = send_reset(user, actor=actor_of(request))
    lately = f" {counted(before, 'such mail')} went there in the last half hour." if before else ""
    return f"Link for a new password sent to {user.email}.{lately}"


def _activate(user: User, request: HttpRequest) -> str:
    actor, session = actor_of(request), session_of(request)
    update_user(user, {"active": True}, actor=actor, session=session)
    client = user.client
    if client is not None and not client.active:
        return f"{user.name} is active, but cannot log in: their client is not active."
    return f"{user.name} can log in again."


def _deactivate(user: User, request: HttpRequest) -> str:
    actor, session = actor_of(request), session_of(request)
    ended = User.objects.filter(pk=user.pk).live_sessions().count()
    update_user(user, {"active": False}, actor=actor, session=session)
    return f"{user.name} can no longer log in. Sessions ended: {ended}."


def _sessionless(user: User) -> str:
    live = User.objects.filter(pk=user.pk).live_sessions()
    return "" if live.exists() else f"{user.name} is logged in nowhere."


def _end_sessions(user: User, request: HttpRequest) -> str:
    ended = end_sessions(Session.objects.live().filter(user=user.pk), actor=actor_of(request))
    return f"Sessions ended: {ended}."


ACTS = (
    RowAct("invite", "Send a new invitation", "Invitation", _invite, _not_invitable),
    RowAct("reset", "Send a link for a new password", "Password reset", _reset, _not_resettable),
    RowAct(
        "activate",
        "Activate",
        "Active",
        _activate,
        lambda user: "This user is active already." if user.active else "",
    ),
    RowAct(
        "deactivate",
        "Deactivate",
        "Active",
        _deactivate,
        lambda user: "" if user.active else "This user is not active.",
        lambda user, request: consequences.of_deactivation(user, actor=actor_of(request)),
    ),
    RowAct(
        "end-sessions",
        "End all sessions",
        "Sessions",
        _end_sessions,
        _sessionless,
        lambda user, request: consequences.of_ended_sessions(user, actor=actor_of(request)),
    ),
)
