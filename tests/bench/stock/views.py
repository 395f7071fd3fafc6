"""A ModelViewSet with a ModelSerializer."""

from typing import Any

from rest_framework import permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from tests.bench.stock.models import Client, User


class ClientSerializer(serializers.ModelSerializer[Client]):
    class Meta:
        model = Client
        fields = ("id", "name")


class UserSerializer(serializers.ModelSerializer[User]):
    client = ClientSerializer(read_only=True)

    class Meta:
        model = User
        fields = ("id", "name", "email", "client")


class IsAdministrator(permissions.BasePermission):
    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.is_administrator)


class IsSelfOrAdministrator(permissions.IsAuthenticated):
    @override
    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        user: Any = request.user
        return bool(user.is_administrator or obj.pk == user.pk)


class UserViewSet(viewsets.ModelViewSet[User]):
    queryset = User._default_manager.select_related("client").order_by("id")
    serializer_class = UserSerializer

    @override
    def get_permissions(self) -> Any:
        return [IsAdministrator() if self.action == "list" else IsSelfOrAdministrator()]

    @action(detail=False)
    def current(self, request: Request) -> Response:
        return Response(self.get_serializer(request.user).data)
