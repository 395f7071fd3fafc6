"""The JSON of users, as the OpenAPI document shows it."""

from typing import Any

from django.conf import settings

from clients.names import MAX_LENGTH
from clients.schema import NAME
from config.api.openapi.operations import Component, exact_object
from config.api.openapi.schemas import SAMPLE_TIME, moment, read_only, row_id, text
from users.emails import MAX_LENGTH as MAX_EMAIL_LENGTH
from users.hashers import MAX_HASHED_LENGTH
from users.models import STATUSES
from users.passwords import MAX_LENGTH as MAX_PASSWORD_LENGTH

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
STATUS = {
    "type": "string",
    "enum": list(STATUSES),
    "description": "`invited`: active, but without a password as yet. Looks at the user alone, not "
    "at their client.",
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
        {**SHOWN, "active": ACTIVE, "status": STATUS, **TIMES},
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
            "invite": {
                "type": "boolean",
                "default": False,
                "description": "True: send a link by mail with which they set their own password; "
                "there is none in this body then.",
            },
        },
        required=("name", "email", "client_id"),
        oneOf=[
            {"required": ["password"], "properties": {"invite": {"const": False}}},
            {
                "required": ["invite"],
                "properties": {
                    "invite": {"const": True},
                    "active": {"const": True},
                    "password": False,
                    "password_confirmation": False,
                },
            },
        ],
        description="A new user, with a `password` or with `invite`. `client_id` must be there: "
        "leaving it out makes nobody an administrator.",
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
            **read_only({"id": SHOWN["id"], "status": STATUS, **TIMES}),
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
    "status": "active",
    "created_at": SAMPLE_TIME,
    "updated_at": SAMPLE_TIME,
    "last_login_at": None,
}
SAMPLES = {
    "Regular user": SAMPLE,
    "Administrator": SAMPLE_ADMINISTRATOR,
    "With every include": SAMPLE_WHOLE,
}
