"""The health checks in the OpenAPI document."""

from typing import Any

from config.api.openapi import problems
from config.api.openapi.operations import exact_object
from config.api.openapi.plain import headers, plain_get
from config.api.openapi.problems import Refusal
from config.api.parsing import MEDIA_TYPE

NO_DATABASE = Refusal("No database", 503, "unavailable", "The database does not answer.")
ALL_FINE = {"database": "ok", "migrations": "ok", "mail": "ok"}
UNMIGRATED = Refusal("Not migrated", 503, "unavailable", "Migrations are to be applied.")


def _check(operation: str, summary: str, description: str, content: dict[str, Any]) -> Any:
    return plain_get(
        operation,
        tag="Health",
        summary=summary,
        description=description,
        answer={"description": "Fine.", "headers": headers(), "content": {MEDIA_TYPE: content}},
    )


def _live() -> Any:
    content = {
        "schema": exact_object({"status": {"const": "ok"}}, required=("status",)),
        "examples": {"ok": {"summary": "Fine", "value": {"status": "ok"}}},
    }
    return _check(
        "live",
        "Is the process alive?",
        "For orchestrators: looks at nothing else. `/healthz` is the same. Asks for no login.",
        content,
    )


def _ready() -> Any:
    content = {
        "schema": exact_object(
            {
                "status": {"enum": ["ok", "degraded"]},
                # More of them may come, and more to say.
                "checks": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            required=("status", "checks"),
        ),
        "examples": {
            "ok": {"summary": "Fine", "value": {"status": "ok", "checks": ALL_FINE}},
            "degraded": {
                "summary": "A mail has been waiting for more than a quarter of an hour",
                "value": {"status": "degraded", "checks": {**ALL_FINE, "mail": "late"}},
            },
        },
    }
    check = _check(
        "ready",
        "Can it serve?",
        "For load balancers: the database answers and has every migration. `degraded`: it serves, "
        "but something else is not as it should be: a mail or the `replica` is `late`, what holds "
        "the `counters` of failures is `away`, or that is `unknown`. A check is there where what "
        "it looks at is. Asks for no login.",
        content,
    )
    check["responses"]["503"] = {
        "description": "It cannot serve now.",
        "headers": headers(),
        "content": problems.problem_content(503, [NO_DATABASE, UNMIGRATED]),
    }
    return check


HEALTH_PATHS: dict[str, Any] = {
    "/livez": {"get": _live()},
    "/readyz": {"get": _ready()},
}
