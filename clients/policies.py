"""Who may do what to clients, as a table; what is not in it is denied."""

from enum import Enum, auto

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from clients.models import Client


class Who(Enum):
    """To whom a call is open. Everyone here is active and has a session."""

    ADMINISTRATORS = auto()
    ADMINISTRATORS_AND_ITS_USERS = auto()


CALLS = {
    "list": Who.ADMINISTRATORS,
    "create": Who.ADMINISTRATORS,
    "retrieve": Who.ADMINISTRATORS_AND_ITS_USERS,
    "update": Who.ADMINISTRATORS,
    "partial_update": Who.ADMINISTRATORS,
}


class ClientPolicy(BasePermission):
    """`CALLS`, decided from the id in the path alone: another client's existence is not told."""

    @override
    def has_permission(self, request: Request, view: GenericViewSet[Client]) -> bool:  # type: ignore[override] # a view with actions
        actor = request.user
        who = CALLS.get(view.action or "")
        if who is None or not actor.is_authenticated or not actor.is_active:
            return False
        if actor.is_administrator:
            return True
        is_own = view.kwargs.get("pk") == actor.client_id
        return who is Who.ADMINISTRATORS_AND_ITS_USERS and is_own
