"""What the OpenAPI document says of clients."""

from typing import Any

from clients.names import MAX_LENGTH
from config.api.errors import Fault
from config.api.openapi.operations import Answer, Body, Component, Operation, exact_object
from config.api.openapi.parameters import INCLUDE, LIST_PARAMETERS
from config.api.openapi.problems import (
    FORBIDDEN,
    NO_SUCH_ROW,
    NOT_AN_OBJECT,
    WITH_TOKEN,
    Refusal,
    invalid,
)
from config.api.openapi.schemas import SAMPLE_TIME, list_of, moment, read_only, row_id, text

TAG = "Clients"

NAME = text(
    "Spaces around it are trimmed. No control characters, none that reorder text.",
    minLength=1,
    maxLength=MAX_LENGTH,
)
ACTIVE = {"type": "boolean", "description": "False: none of its users gets in."}
INCLUDABLE: dict[str, Any] = {
    "active": ACTIVE,
    "users_count": {
        "type": "integer",
        "minimum": 0,
        "description": "How many users it has, active or not.",
    },
    "created_at": moment("When it was made, in UTC."),
    "updated_at": moment("When it was last changed, in UTC."),
}
ID = row_id("The id.")

CLIENT = Component(
    "Client",
    exact_object(
        {"id": ID, "name": NAME, **INCLUDABLE},
        required=("id", "name"),
        description="An organisation. Keys beside `id` and `name` are there if `include` says so.",
    ),
)
CREATE = Component(
    "ClientCreate",
    exact_object(
        {"name": NAME, "active": {**ACTIVE, "default": True}},
        required=("name",),
        description="A new client.",
    ),
)
UPDATE = Component(
    "ClientUpdate",
    exact_object(
        {
            "name": NAME,
            "active": ACTIVE,
            **read_only({"id": ID, **{k: v for k, v in INCLUDABLE.items() if k != "active"}}),
        },
        description="Changes of a client. What is left out stays as it is.",
    ),
)

SAMPLE = {"id": 7, "name": "Acme"}
SAMPLE_WHOLE = {
    **SAMPLE,
    "active": True,
    "users_count": 12,
    "created_at": SAMPLE_TIME,
    "updated_at": SAMPLE_TIME,
}
SAMPLES = {"Client": SAMPLE, "With every include": SAMPLE_WHOLE}
INCLUDE_ONLY = {"include": INCLUDE}
TAKEN = Fault("unique", "A client with this name already exists.", "name")
SURPLUS = Fault(
    "unknown_parameter", "Unknown parameter. Those there are: include.", parameter="fields"
)
UNKNOWN_INCLUDE = Fault(
    "invalid",
    "Expected some of: active, users_count, created_at, updated_at.",
    parameter="include",
)
READ = (
    *WITH_TOKEN,
    FORBIDDEN,
    invalid("Unknown parameter", SURPLUS),
    invalid("Unknown include", UNKNOWN_INCLUDE),
)
WRITE = (
    *READ,
    NOT_AN_OBJECT,
    invalid("Name taken", TAKEN),
    invalid(
        "Two faults",
        Fault("blank", "This field may not be blank.", "name"),
        Fault("invalid", "Must be a valid boolean.", "active"),
    ),
    invalid(
        "Unknown field",
        Fault("unknown_field", "Unknown field. Those there are: name, active.", "title"),
    ),
)
CHANGE = (
    *WRITE,
    NO_SUCH_ROW,
    invalid("Read-only", Fault("read_only", "This field can be read but not changed.", "id")),
)
CHANGES = Body(
    UPDATE,
    {
        "Rename": {"name": "Acme Limited"},
        "Shut out": {"active": False},
        "Read, edited, sent back": {**SAMPLE, "name": "Acme Limited"},
    },
    is_required=False,
)
CHANGED = Answer(
    "The client as it is now.",
    CLIENT,
    {"Client": {**SAMPLE, "name": "Acme Limited"}},
    headers=("ETag",),
)

OPERATIONS = {
    "list": Operation(
        "listClients",
        TAG,
        "List clients",
        "For administrators. Programs that read all of them begin with an empty `cursor` and "
        "follow `next`.",
        Answer(
            "One page.",
            list_of(CLIENT),
            {"One page": {"count": 1, "next": None, "previous": None, "results": [SAMPLE]}},
            headers=("Link",),
        ),
        (
            *WITH_TOKEN,
            FORBIDDEN,
            invalid(
                "Unknown parameter",
                Fault(
                    "unknown_parameter",
                    "Unknown parameter. "
                    "Those there are: page, page_size, cursor, ordering, active, search, include.",
                    parameter="nmae",
                ),
            ),
            invalid(
                "Bad filter",
                Fault("invalid", "Expected one of: true, false.", parameter="active"),
            ),
            Refusal("Past the end", 404, "not_found", "The last page is 1."),
        ),
        parameters={
            **LIST_PARAMETERS,
            **INCLUDE_ONLY,
            "active": "Only those that are active, or only those that are not.",
        },
    ),
    "create": Operation(
        "createClient",
        TAG,
        "Create a client",
        "For administrators.",
        Answer("The new client.", CLIENT, SAMPLES, status=201, headers=("ETag", "Location")),
        WRITE,
        Body(
            CREATE,
            {"Client": {"name": "Initech"}, "Inactive": {"name": "Umbrella", "active": False}},
        ),
        INCLUDE_ONLY,
    ),
    "retrieve": Operation(
        "retrieveClient",
        TAG,
        "Read a client",
        "Administrators any client, a regular user their own. Any other id is 403 for a regular "
        "user, whether it exists or not.",
        Answer("The client.", CLIENT, SAMPLES, headers=("ETag",)),
        (*READ, NO_SUCH_ROW),
        parameters=INCLUDE_ONLY,
    ),
    "update": Operation(
        "updateClient",
        TAG,
        "Change a client",
        "For administrators. `active: false` shuts all users of the client out at once; `true` "
        "lets them log in again, but no token of before revives.",
        CHANGED,
        CHANGE,
        CHANGES,
        INCLUDE_ONLY,
        is_conditional=True,
    ),
    "partial_update": Operation(
        "patchClient",
        TAG,
        "Change a client (PATCH)",
        "The same as PUT, which also keeps what is left out.",
        CHANGED,
        CHANGE,
        CHANGES,
        INCLUDE_ONLY,
        is_conditional=True,
    ),
}
