"""The five endpoints of users."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import F, OrderBy, Q
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from config.api.answers import Answer
from config.api.cursors import Key
from config.api.errors import Invalid
from config.api.etags import etag_of
from config.api.negotiation import prefers
from config.api.pagination import frame, framed, size_of
from config.api.parsing import MEDIA_TYPE
from config.api.views import ResourceViewSet
from config.compiled import CompiledQuery
from users.admission import invite_user
from users.auth.serializers import EmptySerializer
from users.filters import UserFilters, known_total, seek
from users.lifecycle import create_user, update_user
from users.managers import UserQuerySet
from users.models import Session, User
from users.policies import UserPolicy
from users.rows import ListedUser, visible_user
from users.schema import OPERATIONS
from users.serializers import (
    INCLUDABLE,
    UserCreateSerializer,
    UserUpdateSerializer,
    represent_user,
)
from users.transfer.calls import export_csv, import_body, import_fields
from users.transfer.exporting import CSV_TYPE

BY_QUERY = {"status", "last_login_at"}  # of `include`, what the row of the caller does not have


class UserViewSet(ResourceViewSet[User]):
    """Users: list, create, retrieve, update, and the caller's own."""

    permission_classes = (UserPolicy,)
    create_serializer = UserCreateSerializer
    update_serializer = UserUpdateSerializer
    model = User
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
    def read(self, pk: int, include: tuple[str, ...]) -> User:
        actor = self.actor()
        if not BY_QUERY.isdisjoint(include):
            return self.find(pk, include)
        if pk == actor.pk and isinstance(self.request.auth, Session):
            return actor  # as the session's query has just read it
        user = visible_user(pk, actor=actor)
        if user is None:
            raise NotFound
        return user

    @override
    def listed(self, include: tuple[str, ...], columns: Sequence[str]) -> UserQuerySet:
        users: UserQuerySet = User.objects.visible_to(self.request.user)
        return users.shown({*include, *columns})

    @override
    def first_page(self, query: dict[str, Any], using: str) -> Answer | None:
        """Return a page whose count need not be counted; of the status only the model knows."""
        include, size = query["include"], size_of(query)
        narrowing = tuple((name, query[name]) for name in self.filters.query_fields())
        total = None if "status" in include else self.known_total(query, using)
        if total is None or not self.actor().is_administrator:  # whose view it is compiled for
            return None
        envelope, link = frame(self.request, number=1, size=size, count=total)
        rows = self.compiled_page(narrowing, query["ordering"], include, size)(using)
        users = (ListedUser(row, include) for row in rows)
        return framed(envelope, link, (represent_user(user, include) for user in users))

    @classmethod
    @lru_cache(maxsize=256)
    def compiled_page(
        cls,
        narrowing: tuple[tuple[str, Any], ...],
        ordering: tuple[str, ...],
        include: tuple[str, ...],
        size: int,
    ) -> CompiledQuery:
        everybody: UserQuerySet = User.objects.visible_to(User(active=True, client=None))
        rows = cls.filters.narrow(everybody, dict(narrowing))
        rows = rows.order_by(*(key.term for key in cls.keys(ordering)))
        return CompiledQuery(lambda: rows.values_list(*ListedUser.COLUMNS, *include)[:size])

    @override
    def known_total(self, query: Mapping[str, Any], using: str) -> int | None:
        return known_total(query, using)

    @override
    def seek(
        self, query: Mapping[str, Any], key: Key, using: str, number: int
    ) -> tuple[Q, int] | None:
        if not key.field.primary_key:
            return None
        return seek(query, number, is_descending=key.term.descending, using=using)

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

    def invite(self, request: Request, pk: int) -> HttpResponse:
        """Send a new invitation; takes no body."""
        _, faults = self.read_query()
        user = self.find(pk, ())
        EmptySerializer(data=self.body(faults)).raise_faults(*faults)
        invite_user(user, actor=self.actor())
        return Response(status=HTTPStatus.NO_CONTENT)

    @override
    def query_fields(self) -> Mapping[str, forms.Field]:
        if self.action == "import_table":
            return import_fields()
        if self.action == "list" and self.is_for_csv():
            return self.filters.query_fields()
        return {} if self.action == "invite" else super().query_fields()

    def is_for_csv(self) -> bool:
        request = getattr(self, "request", None)  # none while the OpenAPI document is made
        return request is not None and prefers(request._request, CSV_TYPE, over=MEDIA_TYPE)

    @override
    def list(self, request: Request) -> HttpResponse:
        """Answer with a page in JSON, or with all that the filters keep in CSV."""
        if not self.is_for_csv():
            answer = super().list(request)
        else:
            query, faults = self.read_query()
            if faults:
                raise Invalid(faults)
            chosen = cast(UserQuerySet, self.filters.narrow(self.rows(()), query))
            answer = export_csv(request, chosen)
        patch_vary_headers(answer, ["Accept"])
        return answer

    def import_table(self, request: Request) -> HttpResponse:
        """Take a table of users; see `users.transfer`."""
        query, faults = self.read_query()
        return import_body(request, query, faults, actor=self.actor())

    def current(self, request: Request) -> HttpResponse:
        query, faults = self.read_query()
        if faults:
            raise Invalid(faults)
        include = query["include"]
        return self.answer(self.read(self.actor().pk, include), include)
