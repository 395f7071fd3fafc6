"""Logging in, refreshing, logging out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.serializers import StrictSerializer
from config.api.views import Manners
from config.metrics import count_login
from config.throttling.limits import Throttled, charge, check, network_of
from users.auth.authentication import client_of
from users.auth.credentials import check_credentials, note_refusal
from users.auth.schema import OPERATIONS
from users.auth.serializers import EmptySerializer, LoginSerializer, RefreshSerializer
from users.auth.tokens import InvalidToken, access_token, read_token, refresh_token
from users.lifecycle import log_out, open_session, rotate_session
from users.models import Session


class LoginFailed(AuthenticationFailed):
    """401, the same for an unknown email, a wrong password, an inactive user or client."""

    default_code = "authentication_failed"
    default_detail = "No active account has this email and password."


class InvalidRefreshToken(AuthenticationFailed):
    """401, the same for every reason."""

    default_code = "token_not_valid"
    default_detail = "The refresh token is not valid (any more)."


class AuthView(Manners):
    """One POST with its body."""

    serializer_class: type[StrictSerializer]

    def read(self, request: Request) -> dict[str, Any]:
        _, faults = self.read_query()
        return self.serializer_class(data=self.body(faults)).raise_faults(*faults)


class OpenAuthView(AuthView):
    """For callers without access token; a header is not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


@contextmanager
def counted() -> Iterator[None]:
    """Count a log-in by how it ends."""
    try:
        yield
    except Throttled:
        count_login("throttled")
        raise
    except LoginFailed:
        count_login("refused")
        raise
    except Exception:  # the database or the counters are away, or there is no room for a hash
        count_login("unavailable")
        raise
    count_login("succeeded")


class LoginView(OpenAuthView):
    serializer_class = LoginSerializer
    operations: ClassVar = {"post": OPERATIONS["login"]}

    def post(self, request: Request) -> Response:
        body = self.read(request)
        with counted():
            # Once more where the digest changed meanwhile: another login may just have renewed it.
            session = self.log_in(body) or self.log_in(body)
            if session is None:
                note_refusal(body["email"])
                raise LoginFailed
        return Response(token_pair(session))

    def log_in(self, body: dict[str, Any]) -> Session | None:
        checked = check_credentials(
            body["email"], body["password"], address=network_of(self.request)
        )
        if checked is None:
            raise LoginFailed
        user, digest = checked
        return open_session(
            user,
            digest=digest,
            lifetime=settings.SESSION_LIFETIME,
            **client_of(self.request._request),
        )


class RefreshView(OpenAuthView):
    serializer_class = RefreshSerializer
    operations: ClassVar = {"post": OPERATIONS["refresh"]}

    def post(self, request: Request) -> Response:
        body = self.read(request)
        address = network_of(request)
        check(address)
        session = self.rotate(body["refresh"])
        if session is None:
            charge(address)
            raise InvalidRefreshToken
        return Response(token_pair(session))

    def rotate(self, token: str) -> Session | None:
        try:
            claims = read_token(token, "refresh")
        except InvalidToken:
            return None
        return rotate_session(
            claims.session_id,
            user_id=claims.user_id,
            refresh_id=claims.token_id,
            lifetime=settings.SESSION_LIFETIME,
            longest=settings.SESSION_MAX_LIFETIME,
        )


class LogoutView(AuthView):
    serializer_class = EmptySerializer
    operations: ClassVar = {"post": OPERATIONS["logout"]}
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        self.read(request)
        log_out(cast(Session, request.auth))
        return Response(status=204)


def token_pair(session: Session) -> dict[str, str]:
    return {"access": access_token(session), "refresh": refresh_token(session)}
