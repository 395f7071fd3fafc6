"""Schemas that both apps are made of."""

from typing import Any

from django.conf import settings

from config.api.openapi.operations import Component, exact_object
from config.api.routing import MAX_ID

SAMPLE_TIME = "2026-01-31T12:00:00.000000Z"


def text(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "type": "string", **more}


def moment(description: str, **more: Any) -> dict[str, Any]:
    """Return an instant in UTC with microseconds; `more` may add null to its type."""
    return text(description, format="date-time", **more)


def row_id(description: str, **more: Any) -> dict[str, Any]:
    return {
        "description": description,
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_ID,
        **more,
    }


def page_of(component: Component) -> Component:
    """Return the envelope of a numbered page."""
    link = {"type": ["string", "null"], "format": "uri"}
    properties: dict[str, Any] = {
        "count": {"type": "integer", "minimum": 0, "description": "How many rows in all pages."},
        "next": {**link, "description": "The next page, null on the last."},
        "previous": {**link, "description": "The page before, null on the first."},
        "results": {
            "type": "array",
            "items": component.ref,
            "maxItems": settings.MAX_PAGE_SIZE,
            "description": "The rows of this page.",
        },
    }
    schema = exact_object(properties, required=tuple(properties), description="One page of a list.")
    return Component(f"{component.name}Page", schema, (component,))


def stretch_of(component: Component) -> Component:
    """Return the envelope of a page beside a cursor."""
    page = page_of(component).schema["properties"]
    properties = {name: page[name] for name in ("next", "previous", "results")}
    description = "One page of a walk by `cursor`; nothing is counted for it."
    schema = exact_object(properties, required=tuple(properties), description=description)
    return Component(f"{component.name}Stretch", schema, (component,))


def list_of(component: Component) -> Component:
    """Return the answer of a list that can be had by page and by cursor."""
    either = (page_of(component), stretch_of(component))
    description = "A numbered page; without `count` where a `cursor` was sent."
    schema = {"description": description, "oneOf": [one.ref for one in either]}
    return Component(f"{component.name}List", schema, either)


def read_only(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties that a body may only repeat."""
    return {
        name: {**schema, "readOnly": True, "description": f"{schema['description']} Read-only."}
        for name, schema in properties.items()
    }
