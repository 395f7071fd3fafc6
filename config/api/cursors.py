"""Walks through a list by cursor: each page begins where another ended, whatever changed since."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import CharField, DateTimeField, Field, IntegerField, OrderBy, Q, QuerySet
from rest_framework.request import Request
from typing_extensions import override

from config.api.answers import Answer
from config.api.errors import Fault
from config.api.pagination import address, framed, link_header, size_of
from config.api.parameters import InstantField
from config.api.routing import MAX_ID
from config.api.values import represent_value

MAX_LENGTH = 4096
TEXT = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}\Z")  # base64url (RFC 4648, section 5)


@dataclass(frozen=True)
class Cursor:
    """A place in a list: after a row, or before it where `is_backward`.

    `order` names the keys of the ordering that it is for. `values` are those of the row; none means
    either end of the list.
    """

    order: str = ""
    is_backward: bool = False
    values: tuple[Any, ...] = ()

    @override
    def __str__(self) -> str:
        if self == START:
            return ""
        parts = [self.order, self.is_backward, [*map(represent_value, self.values)]]
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")


START = Cursor()


class CursorField(forms.Field):
    """Where a page of a walk begins; empty is the start."""

    may_be_empty = True

    @override
    def to_python(self, value: str | None) -> Cursor | None:
        if not value:
            return None if value is None else START
        try:
            return read(value)
        except (ValueError, RecursionError):
            raise ValidationError("Expected a cursor of this list.", code="invalid") from None


def read(text: str) -> Cursor:
    """Return the cursor that `text` is; its values are still as in JSON."""
    if TEXT.match(text):
        match json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))):
            case [str(order), bool(is_backward), list(values)]:
                cursor = Cursor(order, is_backward, tuple(values))
                if str(cursor) == text:  # there is one spelling
                    return cursor
    raise ValueError


def cursor_fault(cursor: Cursor | None, keys: "Sequence[Key]", page: int | None) -> Fault | None:
    """Return what is wrong with a cursor for a list in this order."""
    if cursor is None:
        return None
    if page is not None:
        return Fault("invalid", "Expected a page or a cursor, not both.", parameter="cursor")
    if cursor == START:
        return None
    if cursor.order != named(keys):
        return Fault("invalid", "This cursor is for another ordering.", parameter="cursor")
    try:
        typed(cursor.values, keys)
    except (ValueError, ValidationError):
        return Fault("invalid", "Expected a cursor of this list.", parameter="cursor")
    return None


@dataclass(frozen=True)
class Key:
    """One key of an ordering, and the column that it is."""

    term: OrderBy
    field: "Field[Any, Any]"

    def reversed(self) -> "Key":
        term = self.term.copy()
        term.reverse_ordering()
        return Key(term, self.field)

    def equal(self, value: Any) -> Q:
        name = self.field.name
        return Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})

    def beyond(self, value: Any) -> Iterator[Q]:
        """Yield, in their order, the ranges of what comes after this value."""
        name, nulls_come_last = self.field.name, not self.term.nulls_first
        if value is not None:
            yield Q(**{f"{name}__{'lt' if self.term.descending else 'gt'}": value})
        if self.field.null and (value is None) != nulls_come_last:
            yield Q(**{f"{name}__isnull": nulls_come_last})


def named(keys: Sequence[Key]) -> str:
    return ",".join(f"{'-' if key.term.descending else ''}{key.field.name}" for key in keys)


def typed(values: Sequence[Any], keys: Sequence[Key]) -> list[Any]:
    """Return values from JSON as their columns have them; raise `ValueError` if they cannot be."""
    if values and len(values) != len(keys):
        raise ValueError
    return [value_of(key.field, value) for key, value in zip(keys, values, strict=False)]


def value_of(field: "Field[Any, Any]", value: Any) -> Any:
    if value is None and field.null:
        return None
    if isinstance(field, DateTimeField) and isinstance(value, str):
        return InstantField().clean(value)
    if isinstance(field, CharField) and isinstance(value, str) and "\0" not in value:
        value.encode()  # no half of a surrogate pair
        return value
    if (
        isinstance(field, IntegerField)
        and type(value) is int
        and -MAX_ID <= value + 1 <= MAX_ID + 1
    ):
        return value
    raise ValueError


def ranges(keys: Sequence[Key], values: Sequence[Any]) -> Iterator[Q]:
    """Yield, in their order, the ranges of what comes after the row with these values.

    Each is one range of an index on the keys. All of them in one OR would be none: the database
    would read the list from its start.
    """
    if not values:
        yield Q()
    for number in reversed(range(len(values))):
        ties = Q()
        for key, value in zip(keys[:number], values, strict=False):
            ties &= key.equal(value)
        for beyond in keys[number].beyond(values[number]):
            yield ties & beyond


def following(
    rows: QuerySet[Any], keys: Sequence[Key], values: Sequence[Any], number: int
) -> list[Any]:
    """Return the first `number` rows after the row with these values: a query for each range."""
    order = [key.term for key in keys]
    found: list[Any] = []
    for part in ranges(keys, values):
        found += rows.filter(part).order_by(*order)[: number - len(found)]
        if len(found) == number:
            break
    return found


def answer_stretch(
    request: Request,
    rows: QuerySet[Any],
    query: dict[str, Any],
    represent: Callable[[Any], dict[str, Any]],
    keys: Sequence[Key],
) -> Answer:
    """Return the page beside `query["cursor"]`, and the cursors of its neighbours.

    Costs the same at any depth and counts nothing. A row that nobody writes comes exactly once in a
    walk, whatever is added or removed meanwhile.
    """
    cursor, size = query["cursor"], size_of(query)
    way = [key.reversed() for key in keys] if cursor.is_backward else keys
    found = following(rows, way, typed(cursor.values, keys), size + 1)
    has_more = len(found) > size
    page = found[:size][::-1] if cursor.is_backward else found[:size]
    after, before = beside(page, keys)
    links = {"first": START}
    if has_more if cursor.is_backward else cursor != START:
        links["prev"] = before
    if cursor.values if cursor.is_backward else has_more:
        links["next"] = after
    urls = {relation: address(request, "cursor", str(place)) for relation, place in links.items()}
    envelope = {"next": urls.get("next"), "previous": urls.get("prev")}
    return framed(envelope, link_header(urls), map(represent, page))


def beside(page: Sequence[Any], keys: Sequence[Key]) -> tuple[Cursor, Cursor]:
    """Return the cursors after and before a page; of an empty one, the ends of the list."""
    if not page:
        return START, Cursor(named(keys), is_backward=True)
    last, first = (
        tuple(getattr(row, key.field.attname) for key in keys) for row in (page[-1], page[0])
    )
    return Cursor(named(keys), values=last), Cursor(named(keys), True, first)
