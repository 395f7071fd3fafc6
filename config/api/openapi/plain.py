"""Calls in the OpenAPI document that are no views of the API: GET, open to all, no parameters."""

from typing import Any

from config.api.errors import Fault
from config.api.openapi import problems
from config.api.openapi.operations import reference
from config.api.openapi.parameters import EVERY_ANSWER
from config.api.openapi.problems import Refusal

ANOTHER_METHOD = Refusal("Another method", 405, "method_not_allowed", "This can only be read.")
UNKNOWN_PARAMETER = problems.invalid(
    "Unknown parameter",
    Fault("unknown_parameter", "Unknown parameter. Those there are: none.", parameter="fields"),
)


def headers(*names: str) -> dict[str, Any]:
    """Return references to these headers and those that every answer has."""
    return {name: reference("headers", name) for name in (*names, *EVERY_ANSWER)}


def plain_get(
    operation: str, *, tag: str, summary: str, description: str, answer: dict[str, Any]
) -> dict[str, Any]:
    """Return the operation; `answer` is that of status 200."""
    return {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "parameters": [reference("parameters", "RequestId")],
        "responses": {
            "200": answer,
            "400": {
                "description": problems.MEANINGS[400],
                "headers": headers(),
                "content": problems.problem_content(400, [UNKNOWN_PARAMETER]),
            },
            "405": {
                "description": problems.MEANINGS[405],
                "headers": headers("Allow"),
                "content": problems.problem_content(405, [ANOTHER_METHOD]),
            },
            "500": reference("responses", "InternalServerError"),
        },
        "security": [],
    }
