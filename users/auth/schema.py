"""What the OpenAPI document says of the calls under /auth, and of access tokens."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from typing_extensions import override

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Component, Operation, exact_object
from config.api.openapi.parameters import LIST_PARAMETERS
from config.api.openapi.problems import (
    FORBIDDEN,
    NO_SUCH_ROW,
    NOT_AN_OBJECT,
    TOO_MANY,
    TOO_MANY_PASSWORDS,
    WITH_TOKEN,
    Refusal,
    invalid,
)
from config.api.openapi.schemas import SAMPLE_TIME, moment, page_of, row_id, text
from users.auth.tokens import MAX_TOKEN_LENGTH
from users.emails import MAX_LENGTH
from users.hashers import MAX_HASHED_LENGTH

TAG = "Authentication"
SESSIONS_TAG = "Sessions"
JWT = "^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$"
# Tokens that show the shape and are signed by nobody.
SAMPLE_ACCESS = "eyJhbGciOiJSUzI1NiJ9.eyJ0eXAiOiJhY2Nlc3MifQ.c2lnbmF0dXJl"
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


TYPED_EMAIL = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_LENGTH,
    "description": "In any case; spaces around it do not count.",
}
LOGIN = Component(
    "Login",
    exact_object(
        {
            "email": TYPED_EMAIL,
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
            TOO_MANY,
            TOO_MANY_PASSWORDS,
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
        "`token_not_valid`. However often it is refreshed, a session ends 30 days after its log-in "
        "(`SESSION_MAX_DAYS`).",
        Answer("The new tokens.", TOKEN_PAIR, PAIR),
        (
            invalid("Token missing", Fault("required", "This field is required.", "refresh")),
            NOT_AN_OBJECT,
            SURPLUS,
            TOO_MANY,
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

SESSION_KEYS = {
    "id": row_id("The id."),
    "created_at": moment("When this log-in was, in UTC."),
    "last_used_at": moment(
        "When it last got new tokens, in UTC: the time of the log-in or of the last refresh. Calls "
        "with an access token are not noted."
    ),
    "address": text(
        "Where the log-in came from, an IPv4 or IPv6 address; null if that is not known.",
        type=["string", "null"],
    ),
    "user_agent": text(
        "What the log-in's `User-Agent` said, cut to its length; may be empty.", maxLength=255
    ),
    "current": {"type": "boolean", "description": "Whether this call is made with it."},
}
SESSION = Component(
    "Session",
    exact_object(
        SESSION_KEYS,
        required=tuple(SESSION_KEYS),
        description="A log-in that is still good, through the API or at the operators' site.",
    ),
)
SAMPLE_SESSION = {
    "id": 1042,
    "created_at": SAMPLE_TIME,
    "last_used_at": SAMPLE_TIME,
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "current": True,
}
SAMPLE_OTHER_SESSION = {
    **SAMPLE_SESSION,
    "id": 977,
    "address": "2001:db8::7",
    "user_agent": "",
    "current": False,
}
UNKNOWN_PAGE_PARAMETER = invalid(
    "Unknown parameter",
    Fault(
        "unknown_parameter",
        "Unknown parameter. Those there are: page, page_size.",
        parameter="ordering",
    ),
)
BAD_PAGE = invalid(
    "Bad page", Fault("invalid", "Expected a whole number from 1.", parameter="page")
)
PAST_THE_END = Refusal("Past the end", 404, "not_found", "The last page is 1.")
NO_BODY = (
    invalid(
        "Unknown field", Fault("unknown_field", "Unknown field. Those there are: none.", "all")
    ),
    NOT_AN_OBJECT,
    SURPLUS,
)


def _page_of_sessions(*sessions: dict[str, object]) -> Answer:
    page = {"count": len(sessions), "next": None, "previous": None, "results": list(sessions)}
    return Answer("One page.", page_of(SESSION), {"One page": page}, headers=("Link",))


SESSION_OPERATIONS = {
    "list": Operation(
        "listSessions",
        SESSIONS_TAG,
        "List one's own sessions",
        "Where the caller is logged in, newest first. Sessions that are over are not shown.",
        _page_of_sessions(SAMPLE_SESSION, SAMPLE_OTHER_SESSION),
        (*WITH_TOKEN, UNKNOWN_PAGE_PARAMETER, BAD_PAGE, PAST_THE_END),
        parameters=LIST_PARAMETERS,
    ),
    "destroy": Operation(
        "endSession",
        SESSIONS_TAG,
        "End one of one's own sessions",
        "Its tokens stop at once; the current one may be ended too, like logging out. An id that "
        "is no live session of the caller is 404, whether it exists or not. Takes no body.",
        Answer("Ended.", status=204),
        (*WITH_TOKEN, NO_SUCH_ROW, *NO_BODY),
    ),
    "destroy_others": Operation(
        "endOtherSessions",
        SESSIONS_TAG,
        "End all of one's own sessions but this one",
        "The tokens of every other session of the caller stop at once. Takes no body.",
        Answer("Ended, or there was no other.", status=204),
        (*WITH_TOKEN, *NO_BODY),
    ),
    "list_of_user": Operation(
        "listUserSessions",
        SESSIONS_TAG,
        "List a user's sessions",
        "For administrators: where the user is logged in, newest first. A regular user gets 403 "
        "for every id, their own too.",
        _page_of_sessions(SAMPLE_OTHER_SESSION),
        (*WITH_TOKEN, FORBIDDEN, NO_SUCH_ROW, UNKNOWN_PAGE_PARAMETER, BAD_PAGE, PAST_THE_END),
        parameters=LIST_PARAMETERS,
    ),
    "destroy_of_user": Operation(
        "endUserSessions",
        SESSIONS_TAG,
        "End all sessions of a user",
        "For administrators: all tokens of the user stop at once. Where that is the caller, the "
        "session of this very call ends too. Takes no body.",
        Answer("Ended, or there was none.", status=204),
        (*WITH_TOKEN, FORBIDDEN, NO_SUCH_ROW, *NO_BODY),
    ),
}
