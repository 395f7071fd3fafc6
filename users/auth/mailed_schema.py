"""What the OpenAPI document says of setting a password by a mailed link."""

from django.conf import settings

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Component, Operation, exact_object
from config.api.openapi.problems import (
    NOT_AN_OBJECT,
    TOO_MANY,
    TOO_MANY_PASSWORDS,
    invalid,
)
from config.api.openapi.schemas import text
from users.auth.schema import SURPLUS, TAG, TYPED_EMAIL
from users.links import MAX_TOKEN_LENGTH
from users.passwords import MAX_LENGTH as MAX_PASSWORD_LENGTH

FORGOTTEN = Component(
    "ForgottenPassword",
    exact_object(
        {"email": TYPED_EMAIL},
        required=("email",),
        description="Who has forgotten their password.",
    ),
)
DETAIL = Component(
    "Detail",
    exact_object(
        {"detail": text("For a person to read.")},
        required=("detail",),
        description="What was done, in words.",
    ),
)
BY_LINK = Component(
    "PasswordByLink",
    exact_object(
        {
            "token": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_TOKEN_LENGTH,
                "writeOnly": True,
                "description": "What the link in the mail ends with.",
            },
            "password": text(
                "As a user's `password`.",
                format="password",
                minLength=settings.PASSWORD_MIN_LENGTH,
                maxLength=MAX_PASSWORD_LENGTH,
                writeOnly=True,
            ),
            "password_confirmation": text(
                "The same again, if you like.", format="password", writeOnly=True
            ),
        },
        required=("token", "password"),
        description="A new password, and the proof that its owner reads the mailbox.",
    ),
)
# A token that shows the shape and is signed by nobody.
SAMPLE_BY_LINK = {
    "token": "42:1wA5Qe:Jq0Zk9mXc8TtQ3m3mJ5yqf2pW7o4bS1uXh6rLw0vN2E",
    "password": "correct horse battery staple",
    "password_confirmation": "correct horse battery staple",
}

BY_LINK_REFUSALS = (
    invalid(
        "Used or expired",
        Fault("token_not_valid", "This link is not valid (any more).", "token"),
    ),
    invalid("Password missing", Fault("required", "This field is required.", "password")),
    NOT_AN_OBJECT,
    SURPLUS,
    TOO_MANY,
    TOO_MANY_PASSWORDS,
)

LINK_LIVES = "A link is good for one use, and dies when the password or the email changes."
OPERATIONS = {
    "forgotten": Operation(
        "forgotPassword",
        TAG,
        "Ask for a link to set a new password",
        "The answer is the same, and takes as long, whether there is such an account or not. Only "
        "active users who have a password get a mail, and no more than 5 in half an hour "
        "(`MAILS_PER_HALF_HOUR`). Every call counts against the caller's address.",
        Answer(
            "Heard.",
            DETAIL,
            {
                "Heard": {
                    "detail": "If there is an active account with this address, a mail is on its "
                    "way to it."
                }
            },
            status=202,
        ),
        (
            invalid("Email missing", Fault("required", "This field is required.", "email")),
            invalid("No address", Fault("invalid", "Enter a valid email address.", "email")),
            NOT_AN_OBJECT,
            SURPLUS,
            TOO_MANY,
        ),
        Body(FORGOTTEN, {"Email": {"email": "rita@example.com"}}),
    ),
    "reset": Operation(
        "resetPassword",
        TAG,
        "Set a new password by a link",
        "`token` is what the link in the mail ends with. All sessions of the user end. "
        f"{LINK_LIVES} It lives 30 minutes.",
        Answer("The new password is set.", status=204),
        BY_LINK_REFUSALS,
        Body(BY_LINK, {"Token and password": SAMPLE_BY_LINK}),
    ),
    "invitation": Operation(
        "acceptInvitation",
        TAG,
        "Set the first password by an invitation",
        f"`token` is what the link in the mail ends with. {LINK_LIVES} It lives 7 days.",
        Answer("The password is set; the user may log in.", status=204),
        BY_LINK_REFUSALS,
        Body(BY_LINK, {"Token and password": SAMPLE_BY_LINK}),
    ),
}
