"""Who may do what to users, sessions and the trail, as tables; what is not in them is denied."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from users.models import User


class Who(Enum):
    """To whom a call is open. Everyone here is active and has a session."""

    ADMINISTRATORS = auto()
    ADMINISTRATORS_AND_SELF = auto()
    ANYONE = auto()


CALLS = {
    "list": Who.ADMINISTRATORS,
    "create": Who.ADMINISTRATORS,
    "retrieve": Who.ADMINISTRATORS_AND_SELF,
    "update": Who.ADMINISTRATORS_AND_SELF,
    "partial_update": Who.ADMINISTRATORS_AND_SELF,
    "current": Who.ANYONE,
    "invite": Who.ADMINISTRATORS,
    "import_table": Who.ADMINISTRATORS,
}

# The first three are on the caller's own sessions alone: `/auth/sessions` names no user.
SESSION_CALLS = {
    "list": Who.ANYONE,
    "destroy": Who.ANYONE,
    "destroy_others": Who.ANYONE,
    "list_of_user": Who.ADMINISTRATORS,
    "destroy_of_user": Who.ADMINISTRATORS,
}

AUDIT_CALLS = {
    "list": Who.ADMINISTRATORS,
}


class Change(Enum):
    """On what terms a field may be changed."""

    FREE = auto()
    WITH_PASSWORD = auto()  # the actor's own, as `current_password`
    NEVER = auto()


# field: (administrator, another user), (administrator, themselves), (regular user, themselves)
FIELDS = {
    "name": (Change.FREE, Change.FREE, Change.FREE),
    "email": (Change.FREE, Change.WITH_PASSWORD, Change.WITH_PASSWORD),
    "password": (Change.FREE, Change.WITH_PASSWORD, Change.WITH_PASSWORD),
    "client_id": (Change.FREE, Change.FREE, Change.NEVER),
    "active": (Change.FREE, Change.FREE, Change.NEVER),
}


def terms(field: str, *, actor: User, user: User) -> Change:
    """Return on what terms the actor may change this field of the user."""
    other, own_administrator, own_regular = FIELDS[field]
    if actor.is_administrator:
        return own_administrator if actor.pk == user.pk else other
    return own_regular if actor.pk == user.pk else Change.NEVER


class CallPolicy(BasePermission):
    """One table of calls, decided from the id in the path alone.

    A regular user's call on any other id is refused before the row is looked up: whether it exists
    cannot be learned or timed.
    """

    calls: ClassVar[Mapping[str, Who]]

    @override
    def has_permission(self, request: Request, view: GenericViewSet[Any]) -> bool:  # type: ignore[override] # a view with actions
        actor = request.user
        if not isinstance(actor, User) or not actor.is_active:
            return False
        who = self.calls.get(view.action or "")
        if who is Who.ADMINISTRATORS_AND_SELF:
            return actor.is_administrator or view.kwargs["pk"] == actor.pk
        return who is Who.ANYONE or (who is Who.ADMINISTRATORS and actor.is_administrator)


class UserPolicy(CallPolicy):
    """`CALLS`; `UserQuerySet.visible_to` is the same rule in SQL."""

    calls = CALLS


class SessionPolicy(CallPolicy):
    """`SESSION_CALLS`; `SessionQuerySet.visible_to` is the same rule in SQL."""

    calls = SESSION_CALLS


class AuditPolicy(CallPolicy):
    """`AUDIT_CALLS`."""

    calls = AUDIT_CALLS
