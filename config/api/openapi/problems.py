"""Refusals in the OpenAPI document: the problem body, and what every call may answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from config.api.errors import CONTENT_TYPE, LONE_CODES, Busy, Fault, count, shared_code

SAMPLE_REQUEST_ID = "0c6f0a5b9e1d4c7f8a2b3c4d5e6f7a8b"

FAULT_CODES = {
    "ambiguous": "several clients have this name",
    "blank": "empty, or nothing that a reader can see",
    "does_not_exist": "no row has this id or name",
    "duplicate": "an earlier row of the file has this id or email",
    "duplicate_column": "the file has a column twice",
    "empty": "the file has nothing in it",
    "inactive": "nobody inactive can be invited",
    "incorrect": "not the caller's password",
    "invalid": "wrong type, format or range",
    "max_length": "too long",
    "mismatch": "two values contradict each other, such as a password and its confirmation",
    "no_key_column": "the file has neither a column `email` nor `id`",
    "null": "null is not allowed here",
    "own_email": "the caller's own email, which needs their password",
    "parse_error": "the body is no JSON object as it should be",
    "password_column": "the file has a column of passwords, which never travel in files",
    "password_too_common": "in the list of common passwords",
    "password_too_short": "under the minimum length",
    "password_too_similar": "like the name or the email",
    "read_only": "this field can be read but not changed",
    "required": "missing",
    "stale": "changed by someone else meanwhile",
    "token_not_valid": "the link has been used, is too old, or was never one",
    "too_many_rows": "the file has more rows than are taken",
    "unique": "taken by another row",
    "unknown_column": "no such column of this file",
    "unknown_field": "no such field in this body",
    "unknown_parameter": "no such query parameter of this call",
    "unreadable": "the file is not what it should be, or is broken",
}
CODES = {
    400: ("invalid", *sorted(LONE_CODES), "bad_request"),
    401: ("not_authenticated", "token_not_valid", "authentication_failed"),
    403: ("permission_denied",),
    404: ("not_found",),
    405: ("method_not_allowed",),
    408: ("request_timeout",),
    409: ("inactive", "last_administrator", "not_invited", "overtaken"),
    412: ("precondition_failed",),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    429: ("throttled",),
    500: ("error",),
    503: ("unavailable",),
}
ROW = "The row of the file, as spreadsheet programs count: the names of the columns are row 1."
COLUMN = "The column of the file; empty where it is the row as a whole."
MEANINGS = {
    400: "The query or the body is at fault; `errors` has one entry a fault, all of them at once.",
    401: "Nobody is known to be calling: see the code.",
    403: "The caller is known and may not do this.",
    404: "There is nothing at this address.",
    405: "This path has other methods: see `Allow`. Never the answer to the method shown here.",
    408: "The body did not arrive within ten seconds, or a file too slowly.",
    409: "The change would break a rule that concerns more than this row. Nothing was changed.",
    412: "`If-Match` names a state that is no longer there. Nothing was changed.",
    413: "The body is over 1 MiB, or the file over 20 MiB. It was not read.",
    415: "The body is of no media type that this call takes, or it has a content coding.",
    429: "Too many failures of this account or address. Try again after `Retry-After` seconds.",
    500: "A fault of the service. Its log says more under the request id.",
    503: "The database or the service is away or busy. Try again after `Retry-After` seconds.",
}
HEADERS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


@dataclass(frozen=True)
class Refusal:
    """One refusal as an example: its title, status, code and words; a 400 has faults instead."""

    title: str
    status: int
    code: str = ""
    detail: str = ""
    faults: tuple[Fault, ...] = ()

    def body(self) -> dict[str, Any]:
        faults = list(self.faults)
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code or shared_code(faults),
            "detail": self.detail or count(faults),
            "request_id": SAMPLE_REQUEST_ID,
        }
        if self.status == HTTPStatus.BAD_REQUEST:
            body["errors"] = [fault.as_dict() for fault in faults]
        return body


def invalid(title: str, *faults: Fault) -> Refusal:
    """Return a 400 with these faults."""
    return Refusal(title, 400, faults=faults)


NO_TOKEN = Refusal(
    "No access token", 401, "not_authenticated", "Authentication credentials were not provided."
)
BAD_TOKEN = Refusal(
    "Expired or revoked", 401, "token_not_valid", "The access token is not valid (any more)."
)
FORBIDDEN = Refusal(
    "Not allowed", 403, "permission_denied", "You do not have permission to perform this action."
)
TOO_MANY = Refusal(
    "Too many failures", 429, "throttled", "Too many failures. Try again in 60 seconds."
)
NO_SUCH_ROW = Refusal("No such row", 404, "not_found", "Not found.")
STALE = Refusal(
    "Changed meanwhile",
    412,
    "precondition_failed",
    "This was changed by someone else. Read it again.",
)
NOT_AN_OBJECT = invalid(
    "Not a JSON object", Fault("parse_error", "The body must be a JSON object.")
)

ANOTHER_METHOD = Refusal(
    "Another method", 405, "method_not_allowed", 'Method "OPTIONS" not allowed.'
)
TOO_SLOW = Refusal("Too slow", 408, "request_timeout", "The body did not arrive in time.")
TOO_LARGE = Refusal("Too large", 413, "payload_too_large", "The body is larger than 1 MiB.")
NOT_JSON = Refusal(
    "Not JSON",
    415,
    "unsupported_media_type",
    'Unsupported media type "text/plain" in request.',
)
FAULT_OF_OURS = Refusal("A fault of ours", 500, "error", "Something went wrong on our side.")
DATABASE_AWAY = Refusal("Database away", 503, "unavailable", "Try again in a few seconds.")
TOO_MANY_PASSWORDS = Refusal("Too many at once", 503, "unavailable", str(Busy.default_detail))

EVERYWHERE = (ANOTHER_METHOD, FAULT_OF_OURS, DATABASE_AWAY)
WITH_TOKEN = (NO_TOKEN, BAD_TOKEN)
WITH_BODY = (TOO_SLOW, TOO_LARGE, NOT_JSON)
FILE_TOO_LARGE = Refusal("File too large", 413, "payload_too_large", "A file has at most 20 MiB.")
NO_TABLE = Refusal(
    "No table",
    415,
    "unsupported_media_type",
    "Send text/csv or application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.",
)
OTHER_FILES = Refusal(
    "Other files", 503, "unavailable", "Other files are being imported. Try again in a minute."
)
OTHER_EXPORTS = Refusal(
    "Other exports", 503, "unavailable", "Other files are being exported. Try again in a minute."
)
WITH_FILE = (TOO_SLOW, FILE_TOO_LARGE, NO_TABLE, OTHER_FILES)
# What reads the same at every call is one component of the document.
SHARED: dict[tuple[Refusal, ...], str] = {
    WITH_TOKEN: "Unauthorized",
    (ANOTHER_METHOD,): "MethodNotAllowed",
    (TOO_SLOW,): "RequestTimeout",
    (STALE,): "PreconditionFailed",
    (TOO_LARGE,): "PayloadTooLarge",
    (NOT_JSON,): "UnsupportedMediaType",
    (FAULT_OF_OURS,): "InternalServerError",
    (DATABASE_AWAY,): "ServiceUnavailable",
}


def problem_schema() -> dict[str, Any]:
    """Return the schema of every refusal's body (RFC 9457)."""
    codes = sorted({code for known in CODES.values() for code in known})
    properties: dict[str, Any] = {
        "type": {"const": "about:blank", "description": "The status says what kind this is."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "enum": sorted(CODES)},
        "code": {"type": "string", "enum": codes, "description": "For programs to branch on."},
        "detail": {"type": "string", "description": "For people to read; may be reworded."},
        "request_id": {"type": "string", "description": "Also in `X-Request-ID` and in the log."},
        "errors": {
            "type": "array",
            "description": "With status 400 only: what is wrong, one entry a fault.",
            "items": {"$ref": "#/components/schemas/Fault"},
            "maxItems": 100,
        },
    }
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "properties": properties,
        "required": [name for name in properties if name != "errors"],
        "additionalProperties": False,
        "if": {"properties": {"status": {"const": 400}}},
        "then": {"required": ["errors"]},
        "else": {"properties": {"errors": False}},
    }


def fault_schema() -> dict[str, Any]:
    """Return the schema of an entry of `errors`: where in body, query or file, and what."""
    meanings = "\n".join(f"* `{code}`: {text}" for code, text in FAULT_CODES.items())
    return {
        "type": "object",
        "description": "One thing wrong with a request.",
        "properties": {
            "pointer": {
                "type": "string",
                "pattern": "^#(/.*)?$",
                "description": "The field, as a JSON pointer (RFC 6901); `#` is the whole body.",
            },
            "parameter": {"type": "string", "description": "The query parameter."},
            "row": {"type": "integer", "minimum": 1, "description": ROW},
            "column": {"type": "string", "description": COLUMN},
            "code": {"type": "string", "enum": sorted(FAULT_CODES), "description": meanings},
            "detail": {"type": "string", "description": "For people to read."},
        },
        "required": ["code", "detail"],
        "oneOf": [
            {"required": ["pointer"]},
            {"required": ["parameter"]},
            {"required": ["row", "column"]},
        ],
        "additionalProperties": False,
    }


def problem_content(status: int, refusals: Sequence[Refusal]) -> dict[str, Any]:
    """Return OpenAPI's `content`: the problem narrowed to the status and its codes, examples."""
    narrowed = {"status": {"const": status}, "code": {"enum": list(CODES[status])}}
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": narrowed}],
    }
    examples = {
        refusal.title.lower().replace(" ", "_"): {
            "summary": refusal.title,
            "value": refusal.body(),
        }
        for refusal in refusals
    }
    return {CONTENT_TYPE: {"schema": schema, "examples": examples}}


def by_status(refusals: Iterable[Refusal]) -> dict[int, list[Refusal]]:
    """Return the refusals grouped, in ascending order of status."""
    grouped: dict[int, list[Refusal]] = {}
    for refusal in sorted(refusals, key=lambda refusal: refusal.status):
        grouped.setdefault(refusal.status, []).append(refusal)
    return grouped
