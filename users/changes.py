"""What follows from changing a user, for one and for many."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import is_password_usable

from config.audit.trail import Changes, differences
from users.models import User


@dataclass(frozen=True)
class Consequences:
    """What goes with a change: whose links and sessions end, who is told, what is recorded."""

    fields: frozenset[str]
    changes: Changes
    old_email: str
    ends_links: bool
    ends_sessions: bool
    ends_other_sessions: bool  # all but the one in which the password was changed
    is_to_invite: bool
    is_to_notify: bool


def change(user: User, changed: Mapping[str, Any]) -> Consequences:
    """Set what differs on the instance, which is not saved, and return what follows from it."""
    was_administrator, was_active = user.is_administrator, user.is_active
    was_invited, old_email = not user.has_usable_password(), user.email
    before = {name: getattr(user, name) for name in changed}
    for name, value in changed.items():
        setattr(user, name, value)
    # Not active before or after: leaving an inactive client, or joining one whose activation comes
    # later, must revive nothing.
    could_enter = was_active and user.is_active
    is_other_role = user.is_administrator != was_administrator
    ends_sessions = "active" in changed or is_other_role or not could_enter
    is_invitee = was_invited and "password" not in changed
    return Consequences(
        fields=frozenset(changed),
        changes=differences(as_noted(before), as_noted(changed)),
        old_email=old_email,
        ends_links=bool(changed.keys() & {"email", "active", "client"}),
        ends_sessions=ends_sessions,
        ends_other_sessions="password" in changed and not ends_sessions,
        # The link of before died with the address.
        is_to_invite=is_invitee and "email" in changed and user.is_active,
        is_to_notify=not is_invitee,
    )


def as_noted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the audit trail has them: a client by its id, no password as null."""
    noted = {**values}
    if "client" in noted:
        client = noted.pop("client")
        noted["client_id"] = client and client.pk
    if "password" in noted and not is_password_usable(noted["password"]):
        noted["password"] = None
    return noted


def may_remove_administrator(user: User, values: Mapping[str, Any]) -> bool:
    stays = values.get("active", True) and values.get("client") is None
    return user.is_administrator and user.active and not stays
