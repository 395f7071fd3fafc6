"""The published keys in the OpenAPI document."""

from typing import Any

from config.api.openapi.operations import exact_object
from config.api.openapi.plain import headers, plain_get
from config.api.parsing import MEDIA_TYPE
from config.signing_keys import CACHING

# A key that shows the shape; nobody has its other half.
SAMPLE = {
    "kty": "RSA",
    "n": "rJ1xZ8Qp" * 42 + "rJ1xZw",
    "e": "AQAB",
    "kid": "q3yJ7cPZ2mK5rT8vX1bN4hL6sD9fG0wE_uAoIiYtRzM",
    "use": "sig",
    "alg": "RS256",
}

_KEY = exact_object(
    {
        "kty": {"const": "RSA"},
        "n": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{342,}$",
            "description": "The modulus, in base64url.",
        },
        "e": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "description": "The exponent."},
        "kid": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{43}$",
            "description": "The key's SHA-256 thumbprint (RFC 7638); a token names it in its head.",
        },
        "use": {"const": "sig"},
        "alg": {"const": "RS256"},
    },
    required=("kty", "n", "e", "kid", "use", "alg"),
)
_KEYS = exact_object({"keys": {"type": "array", "items": _KEY, "minItems": 1}}, required=("keys",))
_CACHE_CONTROL = {
    "description": "How long the keys may be kept. A new key is published for longer before it "
    "signs.",
    "required": True,
    "schema": {"type": "string", "const": CACHING},
}

KEYS_PATHS: dict[str, Any] = {
    "/.well-known/jwks.json": {
        "get": plain_get(
            "listKeys",
            tag="Authentication",
            summary="With which keys to check access tokens",
            description="For other services: the public keys (RFC 7517) of all access tokens that "
            "have not expired, and of those to come. Check the signature by the key of the token's "
            "`kid`, take `RS256` and no other `alg`, and check `exp`, that `iss` and `aud` are "
            "`roster`, and that `typ` among the claims is `access`. That a session has ended "
            "meanwhile only this service knows: ask `GET /users/current` where it matters.",
            answer={
                "description": "The keys.",
                "headers": {**headers(), "Cache-Control": _CACHE_CONTROL},
                "content": {
                    MEDIA_TYPE: {
                        "schema": _KEYS,
                        "examples": {
                            "one_key": {"summary": "One key", "value": {"keys": [SAMPLE]}}
                        },
                    }
                },
            },
        )
    }
}
