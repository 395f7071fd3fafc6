"""Access and refresh tokens: what is in them, and what is believed of them (RFC 7519, RFC 8725)."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import jwt
from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.state import token_backend

from config.api.routing import MAX_ID
from users.models import Session

Kind = Literal["access", "refresh"]

MAX_TOKEN_LENGTH = 4096
# JWS compact form (RFC 7515, section 7.1); the library also takes padding, so one token two ways.
COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+\Z", re.ASCII)
ROW_ID = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)


class InvalidToken(Exception):
    """Malformed, foreign, expired, or of the other kind; which of these is nobody's business."""


@dataclass(frozen=True)
class Claims:
    """What a valid token says: whose session, and which token it is."""

    user_id: int
    session_id: int
    token_id: uuid.UUID


def access_token(session: Session) -> str:
    """Return a new access token of the session; it never outlives it."""
    now = timezone.now()
    expires = min(now + settings.ACCESS_TOKEN_LIFETIME, session.expires_at)
    return _encode("access", session, token_id=uuid.uuid4(), issued=now, expires=expires)


def refresh_token(session: Session) -> str:
    """Return the session's present refresh token: made of the row alone, the same each time."""
    return _encode(
        "refresh",
        session,
        token_id=session.refresh_id,
        issued=session.refreshed_at,
        expires=session.expires_at,
    )


def _encode(
    kind: Kind, session: Session, *, token_id: uuid.UUID, issued: datetime, expires: datetime
) -> str:
    claims = {
        "typ": kind,
        "sub": str(session.user_id),
        "sid": str(session.pk),
        "jti": token_id.hex,
        "iat": int(issued.timestamp()),
        "exp": int(expires.timestamp()),
    }
    if kind == "refresh":
        return token_backend.encode(claims)
    key = settings.SIGNING_KEYS.signing()
    claims |= {"aud": settings.JWT_AUDIENCE, "iss": settings.JWT_ISSUER}
    # Not the library's back end: it sets no `kid`.
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})


def read_token(token: str, kind: Kind) -> Claims:
    """Return the claims of a token of this kind; raise `InvalidToken` for anything else.

    Signature, `alg`, `aud`, `iss`, `nbf` and `iat` are the library's to check; that the claims are
    all there, of their types and of the right kind is checked here. `exp` has no leeway.
    """
    if len(token) > MAX_TOKEN_LENGTH or not COMPACT.match(token):
        raise InvalidToken
    try:
        claims = _decode_access(token) if kind == "access" else token_backend.decode(token)  # type: ignore[arg-type] # takes the text it is made for
    except (
        *(TokenBackendError, jwt.PyJWTError),
        *(ValueError, TypeError, OverflowError, RecursionError),
    ):
        raise InvalidToken from None
    return _read_claims(claims, kind)


def _decode_access(token: str) -> dict[str, Any]:
    """Check with the key that the header names; nothing else in the header is believed.

    The key fixes the algorithm (RFC 8725, section 3.1).
    """
    header = jwt.get_unverified_header(token)
    key = settings.SIGNING_KEYS.find(header.get("kid"))
    if key is None or "crit" in header:
        raise InvalidToken
    return jwt.decode(
        token,
        key.public,
        algorithms=["RS256"],
        audience=settings.JWT_AUDIENCE,
        issuer=settings.JWT_ISSUER,
        leeway=settings.JWT_LEEWAY,
    )


def _read_claims(claims: dict[str, Any], kind: Kind) -> Claims:
    longest = settings.ACCESS_TOKEN_LIFETIME if kind == "access" else settings.SESSION_LIFETIME
    issued, expires = claims.get("iat"), claims.get("exp")
    if claims.get("typ") != kind or type(issued) is not int or type(expires) is not int:
        raise InvalidToken
    # More than the lifetime: signed by us before the setting was lowered, or not by this code.
    if expires <= timezone.now().timestamp() or expires - issued > longest.total_seconds() + 1:
        raise InvalidToken
    try:
        token_id = uuid.UUID(hex=claims.get("jti"))
    except (ValueError, TypeError, AttributeError):
        raise InvalidToken from None
    return Claims(_row_id(claims.get("sub")), _row_id(claims.get("sid")), token_id)


def _row_id(claim: object) -> int:
    if not (isinstance(claim, str) and ROW_ID.match(claim) and int(claim) <= MAX_ID):
        raise InvalidToken
    return int(claim)
