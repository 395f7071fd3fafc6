"""What the OpenAPI document says of the calls on users."""

from django.conf import settings

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Operation
from config.api.openapi.parameters import INCLUDE, LIST_PARAMETERS
from config.api.openapi.problems import (
    FORBIDDEN,
    NO_SUCH_ROW,
    NOT_AN_OBJECT,
    OTHER_EXPORTS,
    TOO_MANY,
    TOO_MANY_PASSWORDS,
    WITH_TOKEN,
    Refusal,
    invalid,
)
from config.api.openapi.schemas import list_of
from users.shapes import (
    CREATE,
    SAMPLE,
    SAMPLE_ADMINISTRATOR,
    SAMPLE_PASSWORD,
    SAMPLES,
    UPDATE,
    USER,
)
from users.transfer.exporting import CSV_TYPE
from users.transfer.schema import EXPORT, IMPORT

TAG = "Users"
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
            "Expected some of: active, status, created_at, updated_at, last_login_at.",
            parameter="include",
        ),
    ),
)
SURPLUS = invalid(
    "Unknown parameter",
    Fault("unknown_parameter", "Unknown parameter. Those there are: none.", parameter="next"),
)
NO_FIELDS = invalid(
    "Unknown field", Fault("unknown_field", "Unknown field. Those there are: none.", "email")
)
INVITED_WITH_PASSWORD = invalid(
    "Invited with a password",
    Fault("invalid", "Who is invited sets their own password.", "password"),
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
    INVITED_WITH_PASSWORD,
    TOO_MANY_PASSWORDS,
    invalid("client_id missing", Fault("required", "This field is required.", "client_id")),
    invalid(
        "Unknown field",
        Fault(
            "unknown_field",
            "Unknown field. Those there are: "
            "name, email, client_id, password, password_confirmation, active, invite.",
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
    TOO_MANY_PASSWORDS,
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
        "For administrators. All filters are combined by AND.\n\n"
        "Programs that read all users begin with an empty `cursor` and follow `next`: every page "
        "costs the same, and whoever is not changed meanwhile comes exactly once. Numbered pages "
        "are for people who leaf through them.\n\n"
        "With `Accept: text/csv` the answer has all that the filters keep, by id, as CSV that can "
        "be imported again; it takes the filters and no other parameter. A cell that a spreadsheet "
        "would take for a formula begins with `'`. A process of the server makes two of these "
        "files at once.",
        Answer(
            "One page.",
            list_of(USER),
            {
                "Two users": {
                    "count": 2,
                    "next": None,
                    "previous": None,
                    "results": [SAMPLE_ADMINISTRATOR, SAMPLE],
                },
                "By cursor": {
                    "next": "https://accounts.example.com/users?cursor=WyJpZCIsZmFsc2UsWzQyXV0",
                    "previous": None,
                    "results": [SAMPLE],
                },
            },
            headers=("Link",),
            files={CSV_TYPE: {"One user": EXPORT}},
        ),
        (
            *WITH_TOKEN,
            FORBIDDEN,
            invalid(
                "Unknown parameter",
                Fault(
                    "unknown_parameter",
                    "Unknown parameter. Those there are: page, page_size, cursor, ordering, "
                    "active, client_id, role, email, status, created_after, created_before, "
                    "last_login_after, last_login_before, never_logged_in, search, include.",
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
            invalid(
                "Bad cursor",
                Fault("invalid", "This cursor is for another ordering.", parameter="cursor"),
            ),
            Refusal("Past the end", 404, "not_found", "The last page is 1."),
            OTHER_EXPORTS,
        ),
        parameters={
            **LIST_PARAMETERS,
            **INCLUDE_ONLY,
            "active": "Only those that are active, or only those that are not.",
            "client_id": "Only the users of this client.",
            "role": "Only those without client, or only those with one; looks at nothing else.",
            "email": "Only the user with exactly this email, in any case.",
            "status": "Only those invited, active or inactive; looks at nothing else.",
            "created_after": "Only those made after this moment (RFC 3339 with zone), exclusive.",
            "created_before": "Only those made before this moment (RFC 3339 with zone), exclusive.",
            "last_login_after": "Only those who last logged in after this moment (RFC 3339 with "
            "zone), exclusive.",
            "last_login_before": "Only those who last logged in before this moment (RFC 3339 with "
            "zone), exclusive. Who never logged in has no last login and is not among them: see "
            "`never_logged_in`.",
            "never_logged_in": "Only those who never logged in, or only those who did. With "
            "`created_before`: accounts made long ago and never used.",
            "search": "Words by spaces; each must be in the name or the email, in any case.",
        },
    ),
    "create": Operation(
        "createUser",
        TAG,
        "Create a user",
        "For administrators. `client_id` is required: null makes an administrator on purpose. With "
        "`invite` the user gets a link by mail, sets their own password, and cannot log in before.",
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
                "Invited": {
                    "name": "Barbara Liskov",
                    "email": "barbara@example.com",
                    "client_id": 7,
                    "invite": True,
                },
            },
        ),
        INCLUDE_ONLY,
    ),
    "import_table": IMPORT,
    "invite": Operation(
        "inviteUser",
        TAG,
        "Send a new invitation",
        "For administrators: a user who has no password as yet gets a mail with a new link, and "
        "the link of before is dead. It lives 7 days and is good for one use. Takes no body.",
        Answer("The mail is on its way.", status=204),
        (
            *WITH_TOKEN,
            FORBIDDEN,
            NO_SUCH_ROW,
            SURPLUS,
            NO_FIELDS,
            NOT_AN_OBJECT,
            Refusal(
                "Has a password",
                409,
                "not_invited",
                "This user has a password. They can ask for a new one themselves.",
            ),
            Refusal("Inactive", 409, "inactive", "This user or their client is not active."),
        ),
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
