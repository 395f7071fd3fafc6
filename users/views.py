"""The five endpoints of users."""

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import F, OrderBy
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.api.errors import Invalid
from config.api.etags import etag_of
from config.api.views import ResourceViewSet
from users.admission import invite_user
from users.auth.serializers import EmptySerializer
from users.filters import UserFilters
from users.lifecycle import create_user, update_user
from users.managers import UserQuerySet
from users.models import Session, User
from users.policies import UserPolicy
from users.schema import OPERATIONS
from users.serializers import (
    INCLUDABLE,
    UserCreateSerializer,
    UserUpdateSerializer,
    represent_user,
)


class UserViewSet(ResourceViewSet[User]):
    """Users: list, create, retrieve, update, and the caller's own."""

    permission_classes = (UserPolicy,)
    create_serializer = UserCreateSerializer
    update_serializer = UserUpdateSerializer
    filters = UserFilters
    includable = INCLUDABLE
    location = "/users"
    operations = OPERATIONS
    orderings: ClassVar[dict[str, OrderBy]] = {
        "id": OrderBy(F("id")),
        "name": OrderBy(F("name")),
        "email": OrderBy(F("email")),
        "created_at": OrderBy(F("created_at")),
        "last_login_at": OrderBy(F("last_login_at"), nulls_last=True),
    }

    @override
    def rows(self, include: tuple[str, ...]) -> UserQuerySet:
        users: UserQuerySet = User.objects.visible_to(self.request.user)
        return users.select_related("client")

    @override
    def represent(self, row: User, include: tuple[str, ...]) -> dict[str, Any]:
        return represent_user(row, include)

    @override
    def etag(self, row: User) -> str:
        return etag_of(*row.state())

    @override
    def save_new(self, values: dict[str, Any]) -> User:
        return create_user(values, actor=self.actor())

    @override
    def save(self, row: User, values: dict[str, Any]) -> User:
        return update_user(
            row, values, actor=self.actor(), session=cast(Session, self.request.auth)
        )

    def actor(self) -> User:
        return cast(User, self.request.user)  # the policy lets nobody else in

    def invite(self, request: Request, pk: int) -> Response:
        """Send a new invitation; takes no body."""
        _, faults = self.read_query()
        user = self.find(pk, ())
        EmptySerializer(data=self.body(faults)).raise_faults(*faults)
        invite_user(user, actor=self.actor())
        return Response(status=HTTPStatus.NO_CONTENT)

    @override
    def query_fields(self) -> dict[str, forms.Field]:
        return {} if self.action == "invite" else super().query_fields()

    def current(self, request: Request) -> Response:
        query, faults = self.read_query()
        if faults:
            raise Invalid(faults)
        return self.answer(self.actor(), query["include"])
