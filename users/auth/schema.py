"""What the OpenAPI document says of the calls under /auth, and of access tokens."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from typing_extensions import override

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Component, Operation, exact_object
from config.api.openapi.problems import NOT_AN_OBJECT, WITH_TOKEN, Refusal, invalid
from users.auth.tokens import MAX_TOKEN_LENGTH
from users.emails import MAX_LENGTH
from users.hashers import MAX_HASHED_LENGTH

TAG = "Authentication"
JWT = "^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$"
# Tokens that show the shape and are signed by nobody.
SAMPLE_ACCESS = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJhY2Nlc3MifQ.c2lnbmF0dXJl"
SAMPLE_REFRESH = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmF0dXJl"


class AccessToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """The security scheme of `SessionTokenAuthentication`."""

    target_class = "users.auth.authentication.SessionTokenAuthentication"
    name = "accessToken"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access` token of `POST /auth/login` or `POST /auth/refresh`.",
        }


def _token(description: str) -> dict[str, object]:
    return {
        "type": "string",
        "pattern": JWT,
        "maxLength": MAX_TOKEN_LENGTH,
        "description": description,
    }


LOGIN = Component(
    "Login",
    exact_object(
        {
            "email": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "description": "In any case; spaces around it do not count.",
            },
            "password": {
                "type": "string",
                "format": "password",
                "minLength": 1,
                "maxLength": MAX_HASHED_LENGTH,
                "writeOnly": True,
                "description": "As it was set; nothing is trimmed.",
            },
        },
        required=("email", "password"),
        description="Who wants in.",
    ),
)
REFRESH = Component(
    "Refresh",
    exact_object(
        {
            "refresh": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_TOKEN_LENGTH,
                "writeOnly": True,
                "description": "The refresh token given last.",
            }
        },
        required=("refresh",),
        description="The token to trade in.",
    ),
)
TOKEN_PAIR = Component(
    "TokenPair",
    exact_object(
        {
            "access": _token("For `Authorization: Bearer …`; short-lived."),
            "refresh": _token("For `POST /auth/refresh`; good for one use."),
        },
        required=("access", "refresh"),
        description="The tokens of a session.",
    ),
)

PAIR = {"Two tokens": {"access": SAMPLE_ACCESS, "refresh": SAMPLE_REFRESH}}
SURPLUS = invalid(
    "Unknown parameter",
    Fault("unknown_parameter", "Unknown parameter. Those there are: none.", parameter="next"),
)

OPERATIONS = {
    "login": Operation(
        "login",
        TAG,
        "Log in",
        "Gives the tokens of a new session. A wrong password, an unknown email, an inactive user "
        "and an inactive client all get the same 401, code `authentication_failed`.",
        Answer("Welcome.", TOKEN_PAIR, PAIR),
        (
            invalid("Password missing", Fault("required", "This field is required.", "password")),
            invalid(
                "Unknown field",
                Fault(
                    "unknown_field",
                    "Unknown field. Those there are: email, password.",
                    "username",
                ),
            ),
            NOT_AN_OBJECT,
            SURPLUS,
            Refusal(
                "No such account",
                401,
                "authentication_failed",
                "No active account has this email and password.",
            ),
        ),
        Body(
            LOGIN,
            {
                "Email and password": {
                    "email": "rita@example.com",
                    "password": "correct horse battery staple",
                }
            },
        ),
    ),
    "refresh": Operation(
        "refresh",
        TAG,
        "Get new tokens",
        "Trades the refresh token for a new pair and spends it. The token spent last, sent again "
        "within 10 seconds (a lost answer, a second tab), gets the present refresh token; any "
        "other spent one ends the session, since somebody else must have it: 401, code "
        "`token_not_valid`.",
        Answer("The new tokens.", TOKEN_PAIR, PAIR),
        (
            invalid("Token missing", Fault("required", "This field is required.", "refresh")),
            NOT_AN_OBJECT,
            SURPLUS,
            Refusal(
                "Spent or expired",
                401,
                "token_not_valid",
                "The refresh token is not valid (any more).",
            ),
        ),
        Body(REFRESH, {"Refresh token": {"refresh": SAMPLE_REFRESH}}),
    ),
    "logout": Operation(
        "logout",
        TAG,
        "Log out",
        "Ends the session of the access token: it and the session's refresh token stop at once. "
        "Other sessions of the user go on. Takes no body.",
        Answer("Logged out.", status=204),
        (
            *WITH_TOKEN,
            invalid(
                "Unknown field",
                Fault("unknown_field", "Unknown field. Those there are: none.", "refresh"),
            ),
            NOT_AN_OBJECT,
            SURPLUS,
        ),
    ),
}
