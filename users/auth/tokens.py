"""Access and refresh tokens: what is in them, and what is believed of them (RFC 7519, RFC 8725)."""

import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import jwt
from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.state import token_backend

from config.api.routing import MAX_ID
from config.signing_keys import SigningKey
from users.models import Session

Kind = Literal["access", "refresh"]

MAX_TOKEN_LENGTH = 4096
# JWS compact form (RFC 7515, section 7.1); the library also takes padding, so one token two ways.
COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+\Z", re.ASCII)
UNREADABLE = (
    *(TokenBackendError, jwt.PyJWTError),
    *(ValueError, TypeError, OverflowError, RecursionError),
)
ROW_ID = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)


class InvalidToken(Exception):
    """Malformed, foreign, expired, or of the other kind; which of these is nobody's business."""


@dataclass(frozen=True)
class Claims:
    """What a valid token says: whose session, and which token it is."""

    user_id: int
    session_id: int
    token_id: uuid.UUID
    issued: int  # seconds since 1970, as is
    expires: int


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
    claims = _verified_access(token, _key_of(token)) if kind == "access" else _refresh(token)
    longest = settings.ACCESS_TOKEN_LIFETIME if kind == "access" else settings.SESSION_LIFETIME
    # More than the lifetime: signed by us before the setting was lowered, or not by this code.
    lifetime = claims.expires - claims.issued
    if claims.expires <= time.time() or lifetime > longest.total_seconds() + 1:
        raise InvalidToken
    return claims


def _key_of(token: str) -> SigningKey:
    """Return the key that the token's header names; it is asked for each time, keys come and go."""
    key = settings.SIGNING_KEYS.find(_kid_of(token.partition(".")[0]))
    if key is None:
        raise InvalidToken
    return key


@lru_cache(maxsize=64)
def _kid_of(header: str) -> str | None:
    """Return the key id in a header, which all tokens that a key signed have in common."""
    try:
        members = jwt.get_unverified_header(f"{header}.e30.e30")
    except UNREADABLE:
        raise InvalidToken from None
    if "crit" in members:  # RFC 7515, section 4.1.11: we understand none
        raise InvalidToken
    return members.get("kid")


@lru_cache(maxsize=4096)
def _verified_access(token: str, key: SigningKey) -> Claims:
    """Check the signature once: a caller sends the same token for minutes, and RSA takes time.

    What may change meanwhile (the time, the keys, the session's row) is checked each time. The key
    fixes the algorithm (RFC 8725, section 3.1); nothing else in the header is believed.
    """
    try:
        claims = jwt.decode(
            token,
            key.public,
            algorithms=["RS256"],
            audience=settings.JWT_AUDIENCE,
            issuer=settings.JWT_ISSUER,
            leeway=settings.JWT_LEEWAY,
        )
    except UNREADABLE:
        raise InvalidToken from None
    return _read_claims(claims, "access")


def _refresh(token: str) -> Claims:
    try:
        claims = token_backend.decode(token)  # type: ignore[arg-type] # takes the text it is made for
    except UNREADABLE:
        raise InvalidToken from None
    return _read_claims(claims, "refresh")


def _read_claims(claims: dict[str, Any], kind: Kind) -> Claims:
    issued, expires = claims.get("iat"), claims.get("exp")
    if claims.get("typ") != kind or type(issued) is not int or type(expires) is not int:
        raise InvalidToken
    try:
        token_id = uuid.UUID(hex=claims.get("jti"))
    except (ValueError, TypeError, AttributeError):
        raise InvalidToken from None
    user_id, session_id = _row_id(claims.get("sub")), _row_id(claims.get("sid"))
    return Claims(user_id, session_id, token_id, issued, expires)


def _row_id(claim: object) -> int:
    if not (isinstance(claim, str) and ROW_ID.match(claim) and int(claim) <= MAX_ID):
        raise InvalidToken
    return int(claim)
