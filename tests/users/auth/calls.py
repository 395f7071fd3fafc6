"""What tests of tokens do over and over: call, read a token, forge one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from django.conf import settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.state import token_backend

from users.models import Session

REFRESH_KEY = str(token_backend.signing_key).encode()
REFRESH_HEADER = {"alg": "HS256", "typ": "JWT"}
KEY = settings.SIGNING_KEYS.signing()
HEADER = {"alg": "RS256", "kid": KEY.kid, "typ": "JWT"}
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS: dict[str, Any] = {name: jwt.get_algorithm_by_name(name) for name in RSA}


def current(token: str) -> Any:
    """Return the answer to GET /users/current with this access token."""
    header = f"Bearer {token}"
    return APIClient().get("/users/current", HTTP_AUTHORIZATION=header, HTTP_X_REQUEST_ID="r1")


def refresh(token: str) -> Any:
    """Return the answer to POST /auth/refresh with this refresh token."""
    return APIClient().post("/auth/refresh", {"refresh": token}, HTTP_X_REQUEST_ID="r1")


def logout(token: str) -> Any:
    """Return the answer to POST /auth/logout with this access token."""
    header = f"Bearer {token}"
    return APIClient().post("/auth/logout", HTTP_AUTHORIZATION=header, HTTP_X_REQUEST_ID="r1")


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, believed as they are."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * 3))
    return claims


def id_of(client: Any) -> int:
    """Return the id of the session that a client of `login` has."""
    return int(claims_of(client.tokens["access"])["sid"])


def is_dead(client: Any) -> bool:
    """Tell whether neither token of a client of `login` is served."""
    used = (current(client.tokens["access"]), refresh(client.tokens["refresh"]))
    statuses = {answer.status_code for answer in used}
    assert statuses in ({200}, {401})
    return statuses == {401}


def stored() -> list[dict[str, Any]]:
    """Return every session as stored now: to prove that nothing changed."""
    return [dict(row) for row in Session.objects.order_by("pk").values()]


def forge(
    claims: Any,
    *,
    header: Any = None,
    key: Any = None,
    digest: Any = hashlib.sha256,
) -> str:
    """Return a token with any header and claims (bytes go in as they are), signed with `key`.

    By default header and key are right for the kind of token. Bytes sign by HMAC with `digest`, a
    key pair as the `alg` in the header says, where that is one of RSA's.
    """
    is_refresh = isinstance(claims, dict) and claims.get("typ") == "refresh"
    header = (REFRESH_HEADER if is_refresh else HEADER) if header is None else header
    key = (REFRESH_KEY if is_refresh else KEY.private) if key is None else key
    signed = b".".join(_part(part) for part in (header, claims))
    if isinstance(key, bytes):
        signature = hmac.new(key, signed, digest).digest()
    else:
        named = header.get("alg") if isinstance(header, dict) else None
        signature = ALGORITHMS.get(str(named), ALGORITHMS["RS256"]).sign(signed, key)
    return (signed + b"." + _base64(signature)).decode()


def _part(value: Any) -> bytes:
    return _base64(value if isinstance(value, bytes) else json.dumps(value).encode())


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def short(value: Any) -> str:
    """Return the name of a parameter of any size."""
    return repr(value)[:24]


def processor_time(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes at best of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        assert call().status_code == 400
        times.append(time.process_time() - started)
    return min(times)
