"""The health checks in the OpenAPI document; they are no views of the API."""

from typing import Any

from config.api.errors import Fault
from config.api.openapi import problems
from config.api.openapi.operations import exact_object, reference
from config.api.openapi.parameters import EVERY_ANSWER
from config.api.openapi.problems import Refusal
from config.api.parsing import MEDIA_TYPE

ANOTHER_METHOD = Refusal("Another method", 405, "method_not_allowed", "This can only be read.")
UNKNOWN_PARAMETER = problems.invalid(
    "Unknown parameter",
    Fault("unknown_parameter", "Unknown parameter. Those there are: none.", parameter="fields"),
)
NO_DATABASE = Refusal("No database", 503, "unavailable", "The database does not answer.")
UNMIGRATED = Refusal("Not migrated", 503, "unavailable", "Migrations are to be applied.")


def _headers(*names: str) -> dict[str, Any]:
    return {name: reference("headers", name) for name in (*names, *EVERY_ANSWER)}


def _check(operation: str, summary: str, description: str) -> dict[str, Any]:
    schema = exact_object({"status": {"const": "ok"}}, required=("status",))
    fine = {"schema": schema, "examples": {"ok": {"summary": "Fine", "value": {"status": "ok"}}}}
    return {
        "operationId": operation,
        "tags": ["Health"],
        "summary": summary,
        "description": description,
        "parameters": [reference("parameters", "RequestId")],
        "responses": {
            "200": {
                "description": "Fine.",
                "headers": _headers(),
                "content": {MEDIA_TYPE: fine},
            },
            "400": {
                "description": problems.MEANINGS[400],
                "headers": _headers(),
                "content": problems.problem_content(400, [UNKNOWN_PARAMETER]),
            },
            "405": {
                "description": problems.MEANINGS[405],
                "headers": _headers("Allow"),
                "content": problems.problem_content(405, [ANOTHER_METHOD]),
            },
            "500": reference("responses", "InternalServerError"),
        },
        "security": [],
    }


def _ready() -> dict[str, Any]:
    check = _check(
        "ready",
        "Can it serve?",
        "For load balancers: the database answers and has every migration. Asks for no login.",
    )
    check["responses"]["503"] = {
        "description": "It cannot serve now.",
        "headers": _headers(),
        "content": problems.problem_content(503, [NO_DATABASE, UNMIGRATED]),
    }
    return check


HEALTH_PATHS: dict[str, Any] = {
    "/livez": {
        "get": _check(
            "live",
            "Is the process alive?",
            "For orchestrators: looks at nothing else. `/healthz` is the same. Asks for no login.",
        )
    },
    "/readyz": {"get": _ready()},
}
