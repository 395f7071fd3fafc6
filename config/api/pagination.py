"""Pages of a list and the links between them."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from config.api.answers import Answer
from config.api.parameters import PageSizeField, PositiveField


@cache
def page_fields() -> Mapping[str, forms.Field]:
    """Return the query parameters that every list has."""
    return {"page": PositiveField(required=False), "page_size": PageSizeField(required=False)}


def answer_page(
    request: Request,
    rows: QuerySet[Any],
    query: dict[str, Any],
    represent: Callable[[Any], dict[str, Any]],
    *,
    total: int | None = None,
) -> Answer:
    """Return the page that `query` (the values of `page_fields`) asks for.

    `total` is how many rows there are, where that is known; without it they are counted.
    """
    number, size = query["page"] or 1, query["page_size"] or settings.PAGE_SIZE
    count = rows.count() if total is None else total
    found, envelope, link = paginate(request, rows, number=number, size=size, count=count)
    results = [represent(row) for row in found]
    return Answer({**envelope, "results": results}, headers={"Link": link})


def paginate(
    request: Request, rows: QuerySet[Any], *, number: int, size: int, count: int
) -> tuple[list[Any], dict[str, Any], str]:
    """Return the rows of page `number` of `count` rows, its envelope without results, its `Link`.

    One query whatever the number of rows. A page past the end raises `NotFound` (404); the first
    page of an empty list is there.
    """
    last = max(1, -(-count // size))
    if number > last:
        raise NotFound(f"The last page is {last}.")
    found = list(rows[(number - 1) * size : number * size])
    numbers = {"first": 1, "last": last}
    if number > 1:
        numbers["prev"] = number - 1
    if number < last:
        numbers["next"] = number + 1
    links = {relation: address(request, "page", number) for relation, number in numbers.items()}
    envelope = {"count": count, "next": links.get("next"), "previous": links.get("prev")}
    return found, envelope, link_header(links)


def link_header(links: Mapping[str, str]) -> str:
    """Return `{relation: address}` as the value of `Link` (RFC 8288)."""
    return ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())


def address(request: Request, parameter: str, value: int | str) -> str:
    """Return the absolute address with another value of a parameter; every other one stays."""
    query = [(name, given) for name, given in request.query_params.items() if name != parameter]
    return f"{origin(request)}{request.path}?{urlencode([*query, (parameter, value)])}"


def origin(request: Request) -> str:
    """Return `PUBLIC_URL`, or where the request says it was sent (a host that is allowed)."""
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
