"""Parameters and headers in the OpenAPI document."""

from typing import Any

from django import forms
from django.conf import settings
from typing_extensions import override

from config.api.cursors import MAX_LENGTH as MAX_CURSOR_LENGTH, CursorField
from config.api.parameters import (
    MAX_SEARCH_LENGTH,
    InstantField,
    NamesField,
    OneOfField,
    PositiveField,
    SearchField,
)
from config.api.routing import MAX_ID

REQUEST_ID_PATTERN = "^[A-Za-z0-9._-]{1,64}$"
ENTITY_TAG_PATTERN = '^"[0-9a-f]{32}"$'

LIST_PARAMETERS = {
    "page": "Which page, from 1. A page past the end is 404.",
    "page_size": "How many rows a page has.",
    "cursor": "Walks through the list in place of `page`: empty for the first page, then as the "
    "links of each answer have it, with the same `ordering`. Not together with `page`.",
    "ordering": "Sort keys by comma, `-` before one for descending; a key at most once. "
    "Ties go by ascending `id`, which is also the order if this is left out.",
    "search": "Words by spaces; each must be there, in any case.",
}
INCLUDE = "More keys for each row of the answer, by comma; each at most once."


class UnknownField(TypeError):
    """A query parameter of a kind that the document has no words for."""

    @override
    def __str__(self) -> str:
        return f"Say in config.api.openapi.parameters what a {self.args[0]} takes."


def query_parameter(name: str, field: forms.Field, description: str) -> dict[str, Any]:
    """Return a query parameter as its form field checks it."""
    parameter: dict[str, Any] = {"name": name, "in": "query", "description": description}
    schema = value_schema(field)
    if name == "page_size":
        schema["default"] = settings.PAGE_SIZE
    if name == "page":
        schema["default"] = 1
    if name == "cursor":
        parameter["allowEmptyValue"] = True
    if schema["type"] == "array":
        parameter |= {"style": "form", "explode": False}
    return {**parameter, "schema": schema}


def value_schema(field: forms.Field) -> dict[str, Any]:
    """Return the JSON schema of the values that a form field takes."""
    if isinstance(field, PositiveField):
        bound = {"maximum": field.high} if field.high else {}
        return {"type": "integer", "minimum": 1, **bound}
    if isinstance(field, InstantField):
        return {"type": "string", "format": "date-time"}
    if isinstance(field, OneOfField):
        return {"type": "string", "enum": list(field.words)}
    if isinstance(field, NamesField):
        names = {"type": "string", "enum": list(field.known)}
        return {"type": "array", "items": names, "minItems": 1, "uniqueItems": True}
    if isinstance(field, CursorField):
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]*$", "maxLength": MAX_CURSOR_LENGTH}
    if isinstance(field, SearchField):
        return {"type": "string", "minLength": 1, "maxLength": MAX_SEARCH_LENGTH}
    raise UnknownField(type(field).__name__)


PARAMETERS: dict[str, dict[str, Any]] = {
    "RowId": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "ASCII digits without leading zero. Anything else is no such path: 404.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "example": 42,
    },
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Comes back in the answer and is in the log. "
        "If it is missing or of another form, the service makes one.",
        "schema": {"type": "string", "pattern": REQUEST_ID_PATTERN},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` that you read (or several by comma, or `*`): the change is "
        "made only if the row is still in that state, else 412.",
        "schema": {"type": "string"},
    },
}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The id under which the log knows this request.",
        "required": True,
        "schema": {"type": "string", "pattern": REQUEST_ID_PATTERN},
    },
    "Cache-Control": {
        "description": "No copy of the answer may be kept.",
        "required": True,
        "schema": {"type": "string", "const": "no-store"},
    },
    "ETag": {
        "description": "The state of the row, for `If-Match`. It changes with every field but "
        "the time of the last login.",
        "required": True,
        "schema": {"type": "string", "pattern": ENTITY_TAG_PATTERN},
    },
    "Location": {
        "description": "The path of the new row.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/[a-z]+/[1-9][0-9]*$"},
    },
    "Link": {
        "description": "The pages `first`, `prev`, `next` and `last` (RFC 8288), as absolute URLs "
        "that keep every other parameter; `first`, `prev` and `next` where a cursor was sent.",
        "required": True,
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "How to say who you are (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Allow": {
        "description": "The methods of this path, by comma.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
EVERY_ANSWER = ("X-Request-ID", "Cache-Control")
