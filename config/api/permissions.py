"""What holds where nobody has said who may."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from typing_extensions import override

if TYPE_CHECKING:  # rest_framework.views itself imports this module
    from rest_framework.request import Request
    from rest_framework.views import APIView


class DenyAll(BasePermission):
    """The policy of a view that names none."""

    @override
    def has_permission(self, request: "Request", view: "APIView") -> bool:
        return False
