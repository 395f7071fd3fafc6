"""What the OpenAPI document says of the audit trail."""

from typing import Any

from config.api.errors import Fault
from config.api.openapi.operations import Answer, Component, Operation, exact_object
from config.api.openapi.parameters import LIST_PARAMETERS
from config.api.openapi.problems import FORBIDDEN, WITH_TOKEN, Refusal, invalid
from config.api.openapi.schemas import SAMPLE_TIME, moment, page_of, row_id, text
from config.audit.events import Event
from config.audit.origin import Door
from config.audit.trail import MASKED

TAG = "Audit trail"
MEANINGS = "\n".join(f"* `{event.value}`: {event.meaning}" for event in Event)

_ACTOR = {"id": row_id("The id of the user."), "email": text("The email that they had.")}
_TARGET = {
    "type": {"type": "string", "enum": ["user", "client"], "description": "What it is."},
    "id": row_id("Its id."),
    "label": text("The email or name that it had."),
}
EVENT_KEYS: dict[str, Any] = {
    "id": row_id("The id; a newer event has a greater one."),
    "at": moment("When it was done, in UTC."),
    "event": {
        "type": "string",
        "enum": [event.value for event in Event],
        "description": f"What was done:\n\n{MEANINGS}",
    },
    "actor": {
        **exact_object(_ACTOR, required=tuple(_ACTOR)),
        "type": ["object", "null"],
        "description": "Who did it; null for a command, and where nobody had logged in.",
    },
    "target": {
        **exact_object(_TARGET, required=tuple(_TARGET)),
        "type": ["object", "null"],
        "description": "On whom; null if on nobody, such as a log-in with an unknown email.",
    },
    "door": {
        "type": "string",
        "enum": [door.value for door in Door],
        "description": "Through the API, the admin site, a page for people, or a command.",
    },
    "address": text(
        "The IPv4 or IPv6 address of the caller; null if that is not known.",
        type=["string", "null"],
    ),
    "request_id": text(
        "The `X-Request-ID` of the request; null for a command.", type=["string", "null"]
    ),
    "changes": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2},
        "description": f"Each field's value before and after; `{MASKED}` stands for a secret.",
    },
    "details": {
        "type": ["object", "null"],
        "description": "What else there is to say, by the kind of event.",
    },
}
EVENT = Component(
    "AuditEvent",
    exact_object(EVENT_KEYS, required=tuple(EVENT_KEYS), description="One act."),
)
SAMPLE = {
    "id": 5012,
    "at": SAMPLE_TIME,
    "event": Event.USER_UPDATED.value,
    "actor": {"id": 1, "email": "ada@example.com"},
    "target": {"type": "user", "id": 42, "label": "rita@example.com"},
    "door": Door.API.value,
    "address": "203.0.113.7",
    "request_id": "0c6f0a5b9e1d4c7f8a2b3c4d5e6f7a8b",
    "changes": {"name": ["Rita Regular", "Rita Newname"], "password": [MASKED, MASKED]},
    "details": {"sessions_ended": 2},
}
SAMPLE_REFUSED = {
    **SAMPLE,
    "id": 5011,
    "event": Event.LOGIN_REFUSED.value,
    "actor": None,
    "target": None,
    "changes": {},
    "details": {"email": "nobody@example.com"},
}

OPERATIONS = {
    "list": Operation(
        "listAuditEvents",
        TAG,
        "List what was done",
        "For administrators, newest first. All filters are combined by AND. An event is written in "
        "the transaction of the act, and is never changed after that.",
        Answer(
            "One page.",
            page_of(EVENT),
            {
                "Two events": {
                    "count": 2,
                    "next": None,
                    "previous": None,
                    "results": [SAMPLE, SAMPLE_REFUSED],
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
                    "Unknown parameter. Those there are: page, page_size, actor, target, "
                    "target_client, event, since, until.",
                    parameter="user",
                ),
            ),
            invalid(
                "Bad filters",
                Fault("invalid", "Expected a whole number from 1.", parameter="actor"),
                Fault(
                    "invalid", "Expected a time such as 2026-01-31T12:00:00Z.", parameter="since"
                ),
            ),
            Refusal("Past the end", 404, "not_found", "The last page is 1."),
        ),
        parameters={
            **LIST_PARAMETERS,
            "actor": "Only what the user with this id did.",
            "target": "Only what was done to the user with this id, by themselves too.",
            "target_client": "Only what was done to the client with this id.",
            "event": "Only events of this kind.",
            "since": "Only from this moment on (RFC 3339 with zone), inclusive.",
            "until": "Only before this moment (RFC 3339 with zone), exclusive.",
        },
    ),
}
