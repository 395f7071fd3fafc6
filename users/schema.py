"""What the OpenAPI document says of users."""

from typing import Any

from django.conf import settings

from clients.names import MAX_LENGTH
from clients.schema import NAME
from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Component, Operation, exact_object
from config.api.openapi.parameters import INCLUDE, LIST_PARAMETERS
from config.api.openapi.problems import (
    FORBIDDEN,
    NO_SUCH_ROW,
    NOT_AN_OBJECT,
    TOO_MANY,
    WITH_TOKEN,
    Refusal,
    invalid,
)
from config.api.openapi.schemas import SAMPLE_TIME, moment, page_of, read_only, row_id, text
from users.emails import MAX_LENGTH as MAX_EMAIL_LENGTH
from users.hashers import MAX_HASHED_LENGTH
from users.passwords import MAX_LENGTH as MAX_PASSWORD_LENGTH

TAG = "Users"
SAMPLE_PASSWORD = "correct horse battery staple"  # noqa: S105 # what a caller might send

CLIENT_REFERENCE = Component(
    "ClientReference",
    {
        **exact_object(
            {
                "id": row_id("The id of the client."),
                "name": text("The name of the client.", minLength=1, maxLength=MAX_LENGTH),
            },
            required=("id", "name"),
            description="The client that a regular user belongs to; null for an administrator.",
        ),
        "type": ["object", "null"],
    },
)
EMAIL = text(
    "Trimmed, ASCII letters lower-cased, an internationalised domain in its ASCII form; unique "
    "among all users, active or not.",
    format="email",
    maxLength=MAX_EMAIL_LENGTH,
)
CLIENT_ID = row_id(
    "The client that the user belongs to. **Null makes an administrator.**",
    type=["integer", "null"],
)
ACTIVE = {
    "type": "boolean",
    "description": "False: may not log in, and all of their tokens stop at once.",
}
PASSWORD = text(
    "Any Unicode, counted in NFKC, never trimmed. Not in the list of common passwords, not like "
    "the name or the email; no composition rules.",
    format="password",
    minLength=settings.PASSWORD_MIN_LENGTH,
    maxLength=MAX_PASSWORD_LENGTH,
    writeOnly=True,
)
CONFIRMATION = text("The same again, if you like.", format="password", writeOnly=True)
CURRENT_PASSWORD = text(
    "The caller's own password: needed to change one's own email or password, else ignored.",
    format="password",
    minLength=1,
    maxLength=MAX_HASHED_LENGTH,
    writeOnly=True,
)
TIMES = {
    "created_at": moment("When they were made, in UTC."),
    "updated_at": moment("When they were last changed, in UTC."),
    "last_login_at": moment(
        "When they last logged in, in UTC; null if never.", type=["string", "null"]
    ),
}
SHOWN: dict[str, Any] = {
    "id": row_id("The id."),
    "name": NAME,
    "email": EMAIL,
    "client": CLIENT_REFERENCE.ref,
}

USER = Component(
    "User",
    exact_object(
        {**SHOWN, "active": ACTIVE, **TIMES},
        required=tuple(SHOWN),
        description="A person. The keys beside the required ones are there if `include` says so.",
    ),
    (CLIENT_REFERENCE,),
)
CREATE = Component(
    "UserCreate",
    exact_object(
        {
            "name": NAME,
            "email": EMAIL,
            "client_id": CLIENT_ID,
            "password": PASSWORD,
            "password_confirmation": CONFIRMATION,
            "active": {**ACTIVE, "default": True},
        },
        required=("name", "email", "client_id", "password"),
        description="A new user. `client_id` must be there: leaving it out makes nobody an "
        "administrator.",
    ),
)
UPDATE = Component(
    "UserUpdate",
    exact_object(
        {
            "name": NAME,
            "email": EMAIL,
            "client_id": CLIENT_ID,
            "active": ACTIVE,
            "password": PASSWORD,
            "password_confirmation": CONFIRMATION,
            "current_password": CURRENT_PASSWORD,
            **read_only({"id": SHOWN["id"], **TIMES}),
            "client": {**CLIENT_REFERENCE.ref, "readOnly": True},
        },
        dependentRequired={"password_confirmation": ["password"]},
        description="Changes of a user. What is left out stays as it is.",
    ),
    (CLIENT_REFERENCE,),
)

SAMPLE = {
    "id": 42,
    "name": "Rita Regular",
    "email": "rita@example.com",
    "client": {"id": 7, "name": "Acme"},
}
SAMPLE_ADMINISTRATOR = {
    "id": 1,
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "client": None,
}
SAMPLE_WHOLE = {
    **SAMPLE,
    "active": True,
    "created_at": SAMPLE_TIME,
    "updated_at": SAMPLE_TIME,
    "last_login_at": None,
}
SAMPLES = {
    "Regular user": SAMPLE,
    "Administrator": SAMPLE_ADMINISTRATOR,
    "With every include": SAMPLE_WHOLE,
}
INCLUDE_ONLY = {"include": INCLUDE}

BAD_QUERY = (
    invalid(
        "Unknown parameter",
        Fault(
            "unknown_parameter",
            "Unknown parameter. Those there are: include.",
            parameter="fields",
        ),
    ),
    invalid(
        "Unknown include",
        Fault(
            "invalid",
            "Expected some of: active, created_at, updated_at, last_login_at.",
            parameter="include",
        ),
    ),
)
TAKEN = invalid(
    "Two faults",
    Fault("unique", "A user with this email already exists.", "email"),
    Fault(
        "password_too_short",
        f"Use at least {settings.PASSWORD_MIN_LENGTH} characters.",
        "password",
    ),
)
NO_CLIENT = invalid(
    "No such client", Fault("does_not_exist", "There is no client with this id.", "client_id")
)
CREATE_REFUSALS = (
    *WITH_TOKEN,
    FORBIDDEN,
    *BAD_QUERY,
    NOT_AN_OBJECT,
    TAKEN,
    NO_CLIENT,
    invalid("client_id missing", Fault("required", "This field is required.", "client_id")),
    invalid(
        "Unknown field",
        Fault(
            "unknown_field",
            "Unknown field. Those there are: "
            "name, email, client_id, password, password_confirmation, active.",
            "clientid",
        ),
    ),
)
CHANGE_REFUSALS = (
    *WITH_TOKEN,
    FORBIDDEN,
    Refusal("A field not theirs", 403, "permission_denied", "You may not change client_id."),
    NO_SUCH_ROW,
    *BAD_QUERY,
    NOT_AN_OBJECT,
    TAKEN,
    NO_CLIENT,
    invalid(
        "Own password missing", Fault("required", "This field is required.", "current_password")
    ),
    invalid(
        "Own password wrong", Fault("incorrect", "This is not your password.", "current_password")
    ),
    TOO_MANY,
    invalid("Read-only", Fault("read_only", "This field can be read but not changed.", "id")),
    Refusal(
        "Last administrator",
        409,
        "last_administrator",
        "This would leave no active administrator.",
    ),
)
CHANGES = Body(
    UPDATE,
    {
        "Rename": {"name": "Rita Newname"},
        "Deactivate": {"active": False},
        "Make an administrator": {"client_id": None},
        "New password": {
            "password": "a new horse battery staple",
            "password_confirmation": "a new horse battery staple",
            "current_password": SAMPLE_PASSWORD,
        },
        "Read, edited, sent back": {**SAMPLE, "name": "Rita Newname"},
    },
    is_required=False,
)
CHANGED = Answer(
    "The user as they are now.",
    USER,
    {"Regular user": {**SAMPLE, "name": "Rita Newname"}},
    headers=("ETag",),
)

OPERATIONS = {
    "list": Operation(
        "listUsers",
        TAG,
        "List users",
        "For administrators. All filters are combined by AND.",
        Answer(
            "One page.",
            page_of(USER),
            {
                "Two users": {
                    "count": 2,
                    "next": None,
                    "previous": None,
                    "results": [SAMPLE_ADMINISTRATOR, SAMPLE],
                }
            },
            headers=("Link",),
        ),
        (
            *WITH_TOKEN,
            FORBIDDEN,
            invalid(
                "Unknown parameter",
                Fault(
                    "unknown_parameter",
                    "Unknown parameter. Those there are: page, page_size, ordering, active, "
                    "client_id, role, email, created_after, created_before, search, include.",
                    parameter="nmae",
                ),
            ),
            invalid(
                "Bad filters",
                Fault("invalid", "Expected one of: administrator, regular.", parameter="role"),
                Fault(
                    "invalid",
                    "Expected a time such as 2026-01-31T12:00:00Z.",
                    parameter="created_after",
                ),
            ),
            Refusal("Past the end", 404, "not_found", "The last page is 1."),
        ),
        parameters={
            **LIST_PARAMETERS,
            **INCLUDE_ONLY,
            "active": "Only those that are active, or only those that are not.",
            "client_id": "Only the users of this client.",
            "role": "Only those without client, or only those with one; looks at nothing else.",
            "email": "Only the user with exactly this email, in any case.",
            "created_after": "Only those made after this moment (RFC 3339 with zone), exclusive.",
            "created_before": "Only those made before this moment (RFC 3339 with zone), exclusive.",
            "search": "Words by spaces; each must be in the name or the email, in any case.",
        },
    ),
    "create": Operation(
        "createUser",
        TAG,
        "Create a user",
        "For administrators. `client_id` is required: null makes an administrator on purpose.",
        Answer("The new user.", USER, SAMPLES, status=201, headers=("ETag", "Location")),
        CREATE_REFUSALS,
        Body(
            CREATE,
            {
                "Regular user": {
                    "name": "Grace Hopper",
                    "email": "grace@example.com",
                    "client_id": 7,
                    "password": SAMPLE_PASSWORD,
                    "password_confirmation": SAMPLE_PASSWORD,
                },
                "Administrator": {
                    "name": "Alan Turing",
                    "email": "alan@example.com",
                    "client_id": None,
                    "password": SAMPLE_PASSWORD,
                },
                "Not active yet": {
                    "name": "Edsger Dijkstra",
                    "email": "edsger@example.com",
                    "client_id": 7,
                    "password": SAMPLE_PASSWORD,
                    "active": False,
                },
            },
        ),
        INCLUDE_ONLY,
    ),
    "retrieve": Operation(
        "retrieveUser",
        TAG,
        "Read a user",
        "Administrators any user, others themselves. Any other id is 403 for a regular user, "
        "whether it exists or not.",
        Answer("The user.", USER, SAMPLES, headers=("ETag",)),
        (*WITH_TOKEN, FORBIDDEN, NO_SUCH_ROW, *BAD_QUERY),
        parameters=INCLUDE_ONLY,
    ),
    "update": Operation(
        "updateUser",
        TAG,
        "Change a user",
        "Administrators any user, others themselves. What is left out stays as it is: no body, or "
        "`{}`, changes nothing.\n\n"
        "One's own `email` and `password` need `current_password`. A regular user may repeat "
        "`client_id` and `active`, but not change them: 403. A new password ends every other "
        "session of the user; `active` or another role ends all of them. What would leave no "
        "active administrator is 409, code `last_administrator`.",
        CHANGED,
        CHANGE_REFUSALS,
        CHANGES,
        INCLUDE_ONLY,
        is_conditional=True,
    ),
    "partial_update": Operation(
        "patchUser",
        TAG,
        "Change a user (PATCH)",
        "The same as PUT, which also keeps what is left out.",
        CHANGED,
        CHANGE_REFUSALS,
        CHANGES,
        INCLUDE_ONLY,
        is_conditional=True,
    ),
    "current": Operation(
        "retrieveCurrentUser",
        TAG,
        "Read oneself",
        "For every user: whose access token this is.",
        Answer("The caller.", USER, SAMPLES, headers=("ETag",)),
        (*WITH_TOKEN, *BAD_QUERY),
        parameters=INCLUDE_ONLY,
    ),
}
