"""What an app says of its calls; the rest of the OpenAPI document is derived from the code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.api.openapi.problems import Refusal

Schema = dict[str, Any]


@dataclass(frozen=True)
class Component:
    """A schema with a name, and those that it refers to."""

    name: str
    schema: Schema
    uses: "tuple[Component, ...]" = ()

    @property
    def ref(self) -> Schema:
        return reference("schemas", self.name)


@dataclass(frozen=True)
class Body:
    """What may be sent: its schema, and examples by their titles."""

    component: Component
    examples: Mapping[str, Any]
    is_required: bool = True


@dataclass(frozen=True)
class FileBody:
    """A file that may be sent: `{media type: {title: example}}`, each a text or none."""

    content: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Answer:
    """The answer of a call that succeeds; `headers` beside those that every answer has.

    `files` is what else it may be, by `Accept`: `{media type: {title: example}}`.
    """

    description: str
    component: Component | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One method at one path."""

    id: str
    tag: str
    summary: str
    description: str
    answer: Answer
    refusals: tuple[Refusal, ...]
    body: Body | FileBody | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)  # query parameter: description
    is_conditional: bool = False  # takes `If-Match`


def reference(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def exact_object(
    properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), **more: Any
) -> Schema:
    """Return the schema of an object with these keys and no others."""
    schema: Schema = {"type": "object", "properties": dict(properties), **more}
    if required:
        schema["required"] = list(required)
    return {**schema, "additionalProperties": False}


def examples_by_key(examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAPI's `examples` of `{title: value}`."""
    return {
        title.lower().replace(" ", "_"): {"summary": title, "value": value}
        for title, value in examples.items()
    }


def file_content(media_type: str, examples: Mapping[str, str]) -> dict[str, Any]:
    """Return OpenAPI's media type of a file: text, or bytes of which there is no example."""
    if media_type.startswith("text/"):
        return {"schema": {"type": "string"}, "examples": examples_by_key(examples)}
    return {"schema": {"type": "string", "contentMediaType": media_type}}
