"""Where one is logged in: a user's own sessions, and for administrators everybody's."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from django import forms
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from config.api.errors import Invalid
from config.api.pagination import answer_page, page_fields
from config.api.values import represent_value
from config.api.views import Manners
from users.auth.schema import SESSION_OPERATIONS
from users.auth.serializers import EmptySerializer
from users.lifecycle import end_session, end_sessions
from users.managers import SessionQuerySet
from users.models import Session, User
from users.policies import SessionPolicy


def represent_session(session: Session, *, current: Session) -> dict[str, Any]:
    """Return the session as JSON; nothing in it is a part of its tokens but the id."""
    return {
        "id": session.pk,
        "created_at": represent_value(session.created_at),
        "last_used_at": represent_value(session.refreshed_at),
        "address": session.address,
        "user_agent": session.user_agent,
        "current": session.pk == current.pk,
    }


class SessionViewSet(Manners, GenericViewSet[Session]):
    """See and end sessions."""

    permission_classes = (SessionPolicy,)
    operations = SESSION_OPERATIONS

    @override
    def query_fields(self) -> Mapping[str, forms.Field]:
        return page_fields() if self.action in ("list", "list_of_user") else {}

    def list(self, request: Request) -> HttpResponse:
        return self.answer_list(self.actor().pk)

    def destroy(self, request: Request, pk: int) -> HttpResponse:
        session = self.sessions_of(self.actor().pk).live().filter(pk=pk).first()
        if session is None:  # another's, over, or never there: all the same to the caller
            raise NotFound
        self.refuse_body()
        end_session(session, actor=self.actor())
        return Response(status=HTTPStatus.NO_CONTENT)

    def destroy_others(self, request: Request) -> HttpResponse:
        self.refuse_body()
        others = self.sessions_of(self.actor().pk).exclude(pk=self.session().pk)
        end_sessions(others, actor=self.actor())
        return Response(status=HTTPStatus.NO_CONTENT)

    def list_of_user(self, request: Request, pk: int) -> HttpResponse:
        self.find_user(pk)
        return self.answer_list(pk)

    def destroy_of_user(self, request: Request, pk: int) -> HttpResponse:
        self.find_user(pk)
        self.refuse_body()
        end_sessions(self.sessions_of(pk), actor=self.actor())
        return Response(status=HTTPStatus.NO_CONTENT)

    def answer_list(self, user_id: int) -> HttpResponse:
        query, faults = self.read_query()
        if faults:
            raise Invalid(faults)
        newest_first = self.sessions_of(user_id).live().order_by("-created_at", "-pk")
        current = self.session()
        return answer_page(
            self.request, newest_first, query, lambda row: represent_session(row, current=current)
        )

    def sessions_of(self, user_id: int) -> SessionQuerySet:
        """Return the user's sessions that the actor may see, expired ones too."""
        visible: SessionQuerySet = Session.objects.visible_to(self.actor())
        return visible.filter(user=user_id)

    def find_user(self, pk: int) -> None:
        if not User.objects.visible_to(self.actor()).filter(pk=pk).exists():
            raise NotFound

    def refuse_body(self) -> None:
        """Raise what is wrong with the query and the body of a call that takes neither."""
        _, faults = self.read_query()
        EmptySerializer(data=self.body(faults)).raise_faults(*faults)

    def session(self) -> Session:
        return cast(Session, self.request.auth)

    def actor(self) -> User:
        return cast(User, self.request.user)  # the policy lets nobody else in
