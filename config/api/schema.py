"""The OpenAPI document: what the code knows of itself, joined with what each app says."""

from collections.abc import Callable
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from typing_extensions import override

from config.api.openapi import parameters, problems
from config.api.openapi.health import HEALTH_PATHS
from config.api.openapi.introduction import INTRODUCTION, TAGS
from config.api.openapi.keys import KEYS_PATHS
from config.api.openapi.operations import (
    Answer,
    Body,
    Component,
    FileBody,
    Operation,
    examples_by_key,
    file_content,
    reference,
)
from config.api.parsing import MEDIA_TYPE
from config.api.views import Manners

PROBLEM = Component(
    "Problem", problems.problem_schema(), (Component("Fault", problems.fault_schema()),)
)
METHODS = ("get", "post", "put", "patch", "delete")
Endpoint = tuple[str, str, str, Callable[..., Any]]


class ProblemAutoSchema(AutoSchema):
    """Describe one call: from the view its parameters, from `view.operations` the rest.

    `operations` names each action of a view set, or each method of another view; what is not in it
    is no part of the document.
    """

    @override
    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        self.registry = registry
        self.method = method.upper()
        operations: dict[str, Operation] = getattr(self.view, "operations", {})
        operation = operations.get(getattr(self.view, "action", None) or method.lower())
        return self._describe(operation, path) if operation else None

    def _describe(self, operation: Operation, path: str) -> dict[str, Any]:
        body = {"requestBody": self._body(operation.body)} if operation.body else {}
        return {
            "operationId": operation.id,
            "tags": [operation.tag],
            "summary": operation.summary,
            "description": operation.description,
            "parameters": self._parameters(operation, path),
            **body,
            "responses": {
                str(operation.answer.status): self._answer(operation.answer),
                **self._refusals(operation),
            },
            "security": self.get_auth() if self.view.get_authenticators() else [],
        }

    def _parameters(self, operation: Operation, path: str) -> list[dict[str, Any]]:
        names = ["RowId"] if "{id}" in path else []
        names += ["IfMatch"] if operation.is_conditional else []
        fields = cast(Manners, self.view).query_fields()
        query = [
            parameters.query_parameter(name, field, operation.parameters[name])
            for name, field in fields.items()
        ]
        shared = [
            self._shared(ResolvedComponent.PARAMETER, name, parameters.PARAMETERS[name])
            for name in [*names, "RequestId"]
        ]
        return [*shared, *query]

    def _body(self, body: Body | FileBody) -> dict[str, Any]:
        if isinstance(body, FileBody):
            files = body.content.items()
            return {"required": True, "content": {kind: file_content(kind, e) for kind, e in files}}
        media = {"schema": self._component(body.component)}
        return {
            "required": body.is_required,
            "content": {MEDIA_TYPE: {**media, "examples": examples_by_key(body.examples)}},
        }

    def _answer(self, answer: Answer) -> dict[str, Any]:
        shown = {"description": answer.description, "headers": self._headers(*answer.headers)}
        if answer.component is None:
            return shown
        media = {"schema": self._component(answer.component)}
        media |= {"examples": examples_by_key(answer.examples)}
        files = {kind: file_content(kind, texts) for kind, texts in answer.files.items()}
        return {**shown, "content": {MEDIA_TYPE: media, **files}}

    def _refusals(self, operation: Operation) -> dict[str, Any]:
        everything = [*operation.refusals, *problems.EVERYWHERE]
        if isinstance(operation.body, FileBody):
            everything += problems.WITH_FILE
        elif self.method != "GET":
            everything += problems.WITH_BODY
        everything += [problems.STALE] if operation.is_conditional else []
        self._component(PROBLEM)
        return {
            str(status): self._refusal(status, tuple(refusals))
            for status, refusals in problems.by_status(everything).items()
        }

    def _refusal(self, status: int, refusals: tuple[problems.Refusal, ...]) -> dict[str, Any]:
        response = {
            "description": problems.MEANINGS[status],
            "headers": self._headers(*problems.HEADERS.get(status, ())),
            "content": problems.problem_content(status, refusals),
        }
        name = problems.SHARED.get(refusals)
        return self._shared(ResolvedComponent.RESPONSE, name, response) if name else response

    def _headers(self, *names: str) -> dict[str, Any]:
        return {
            name: self._shared(ResolvedComponent.HEADER, name, parameters.HEADERS[name])
            for name in (*names, *parameters.EVERY_ANSWER)
        }

    def _component(self, component: Component) -> dict[str, Any]:
        for used in component.uses:
            self._component(used)
        return self._shared(ResolvedComponent.SCHEMA, component.name, component.schema)

    def _shared(self, kind: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
        component: Any = ResolvedComponent  # has no types
        self.registry.register_on_missing(component(name, kind, content, object=name))
        return reference(kind, name)


def drop_slashed_twins(endpoints: list[Endpoint], **kwargs: Any) -> list[Endpoint]:
    """Keep of the two spellings of a path the one without trailing slash."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add what belongs to no view of the API: introduction, tags, published keys, health."""
    result["info"]["description"] = INTRODUCTION
    result["tags"] = TAGS
    paths = {**result["paths"], **KEYS_PATHS, **HEALTH_PATHS}
    result["paths"] = {
        path: {method: item[method] for method in METHODS if method in item}
        for path, item in paths.items()
    }
    return result
