"""Pages of a list and the links between them."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from config.api.answers import Answer
from config.api.parameters import PageSizeField, PositiveField

FEW = 10_000  # rows that are put in order at once
FAR = 10_000  # rows from either end: skipping more takes longer than to look up where to begin


class Known(NamedTuple):
    """What is known of a list's rows without reading them; nothing, if nothing else is said."""

    # How many there are.
    total: Callable[[], int | None] = lambda: None
    # A way to the row behind so many others: what it and all that follow have in common, and how
    # many of the others do not.
    seek: Callable[[int], tuple[Q, int] | None] = lambda number: None


NOTHING = Known()


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
    known: Known = NOTHING,
    source: QuerySet[Any] | None = None,
) -> Answer:
    """Return the page that `query` (the values of `page_fields`) asks for.

    What is not `known` is counted, and skipped one by one. `source` has the same rows and maybe
    more, in any order.
    """
    number, size = query["page"] or 1, size_of(query)
    total = known.total()
    count = rows.count() if total is None else total
    envelope, link = frame(request, number=number, size=size, count=count)
    bottom, source = (number - 1) * size, rows if source is None else source
    if total is None and count <= FEW:
        found: Iterable[Any] = rows_of_few(rows, source, most=count + size)[bottom : bottom + size]
    elif bottom == 0:
        found = rows[:size]
    elif total and min(bottom, total - bottom) > FAR and (start := known.seek(bottom)):
        following, skipped = start
        found = rows_of_page(
            rows.filter(following), source, bottom=bottom - skipped, size=size, total=None
        )
    else:
        found = rows_of_page(rows, source, bottom=bottom, size=size, total=total)
        is_from_end = total is not None and bottom > total // 2
        if is_from_end and known.total() != total:  # and so all of them are shifted
            found = rows_of_page(rows, source, bottom=bottom, size=size, total=None)
    return framed(envelope, link, map(represent, found))


def size_of(query: Mapping[str, Any]) -> int:
    return query["page_size"] or settings.PAGE_SIZE


def framed(envelope: dict[str, Any], link: str, results: Iterable[dict[str, Any]]) -> Answer:
    """Return the answer with what `frame` has made around these results."""
    return Answer({**envelope, "results": list(results)}, headers={"Link": link})


def rows_of_few(rows: QuerySet[Any], source: QuerySet[Any], *, most: int) -> QuerySet[Any]:
    """Return the rows, found by what was searched for and then put in order.

    PostgreSQL, which expects a rare word to be less rare, would look for it along the order; `most`
    tells it better.
    """
    ids = rows.order_by().values("pk")[:most]
    return source.filter(pk__in=ids).order_by(*rows.query.order_by)


def rows_of_page(
    rows: QuerySet[Any], source: QuerySet[Any], *, bottom: int, size: int, total: int | None
) -> list[Any]:
    """Return the rows from `bottom` on, by one query.

    It skips ids, which an index has all of, and where their `total` is known, from the nearer end.
    """
    if total is None:
        ids: QuerySet[Any, Any] = rows.values_list("pk", flat=True)[bottom : bottom + size]
    else:
        ids, _ = ids_between(rows, bottom, min(bottom + size, total), total)
    return list(source.filter(pk__in=ids).order_by(*rows.query.order_by))


def ids_between(
    rows: QuerySet[Any], bottom: int, top: int, total: int
) -> tuple[QuerySet[Any, Any], bool]:
    """Return the ids of a part of `total` rows, and whether they are read from the end."""
    ids = rows.values_list("pk", flat=True)
    if bottom <= total // 2:
        return ids[bottom:top], False
    return ids.reverse()[total - top : total - bottom], True


def frame(request: Request, *, number: int, size: int, count: int) -> tuple[dict[str, Any], str]:
    """Return what page `number` of `count` rows has around its results, and its `Link`.

    A page past the end raises `NotFound` (404); the first page of an empty list is there.
    """
    last = max(1, -(-count // size))
    if number > last:
        raise NotFound(f"The last page is {last}.")
    numbers = {"first": 1, "last": last}
    if number > 1:
        numbers["prev"] = number - 1
    if number < last:
        numbers["next"] = number + 1
    links = {relation: address(request, "page", number) for relation, number in numbers.items()}
    envelope = {"count": count, "next": links.get("next"), "previous": links.get("prev")}
    return envelope, link_header(links)


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
