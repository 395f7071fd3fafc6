"""Who is calling: the access token names a session, the session's row says the rest."""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from typing_extensions import override

from config.api.peers import CALLER, peer_address
from users.auth.tokens import InvalidToken, read_token
from users.models import Session, User
from users.rows import live_session


class InvalidAccessToken(AuthenticationFailed):
    """401, the same for every reason."""

    default_code = "token_not_valid"
    default_detail = "The access token is not valid (any more)."


class SessionTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750, section 2.1); the scheme in any case.

    One query joins session, user and client: logging out, deactivation, a new password and a new
    role are row changes that bite on the next request. Sets `request.auth` to the session.
    """

    @override
    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidAccessToken
        session = find_session(token)
        request.META[CALLER] = session.user_id
        return session.user, session

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def find_session(token: str) -> Session:
    """Return the live session that an access token names; raise `InvalidAccessToken` (401)."""
    try:
        claims = read_token(token, "access")
    except InvalidToken:
        raise InvalidAccessToken from None
    session = live_session(claims.session_id, user_id=claims.user_id)
    if session is None or not session.user.is_active:
        raise InvalidAccessToken
    return session


def client_of(request: HttpRequest) -> dict[str, Any]:
    """Return the user agent and address to note on a session."""
    agent = "".join(c for c in request.headers.get("User-Agent", "") if c.isprintable())
    address = peer_address(request)
    return {"user_agent": agent, "address": str(address) if address else None}
