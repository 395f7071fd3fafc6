"""The health checks in the OpenAPI document."""

from typing import Any

from config.api.openapi import problems
from config.api.openapi.operations import exact_object
from config.api.openapi.plain import headers, plain_get
from config.api.openapi.problems import Refusal
from config.api.parsing import MEDIA_TYPE

NO_DATABASE = Refusal("No database", 503, "unavailable", "The database does not answer.")
UNMIGRATED = Refusal("Not migrated", 503, "unavailable", "Migrations are to be applied.")


def _check(operation: str, summary: str, description: str) -> dict[str, Any]:
    schema = exact_object({"status": {"const": "ok"}}, required=("status",))
    fine = {"schema": schema, "examples": {"ok": {"summary": "Fine", "value": {"status": "ok"}}}}
    return plain_get(
        operation,
        tag="Health",
        summary=summary,
        description=description,
        answer={"description": "Fine.", "headers": headers(), "content": {MEDIA_TYPE: fine}},
    )


def _ready() -> dict[str, Any]:
    check = _check(
        "ready",
        "Can it serve?",
        "For load balancers: the database answers and has every migration. Asks for no login.",
    )
    check["responses"]["503"] = {
        "description": "It cannot serve now.",
        "headers": headers(),
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
