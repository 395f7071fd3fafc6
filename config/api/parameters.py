"""Query parameters: known, once, not empty, and all their faults at once."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django_filters import Filter, FilterSet
from typing_extensions import override

from config.api.errors import Fault, unknown_parameter
from config.api.routing import MAX_ID

MAX_SEARCH_LENGTH = 255
POSITIVE = re.compile(r"[1-9][0-9]*\Z")
RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?\d*([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)
NOT_UTF8 = "\ufffd"  # what Django puts in place of bytes that are none


class PositiveField(forms.Field):
    """Digits without sign or leading zero, at most `high`."""

    def __init__(self, *, high: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._high = high

    @property
    def high(self) -> int | None:
        return self._high

    @override
    def to_python(self, value: str | None) -> int | None:
        if value is None:
            return None
        # Twenty digits and more are past any end; they need not be counted out.
        if not POSITIVE.match(value) or (self.high and int(value[:20]) > self.high):
            bound = f" from 1 to {self.high}" if self.high and self.high < MAX_ID else " from 1"
            raise ValidationError(f"Expected a whole number{bound}.", code="invalid")
        return int(value[:20])


class PageSizeField(PositiveField):
    """How many rows a page is to have, at most what the settings say at that moment."""

    @property
    @override
    def high(self) -> int:
        return int(settings.MAX_PAGE_SIZE)


class InstantField(forms.Field):
    """A date and time with its zone (RFC 3339, section 5.6)."""

    @override
    def to_python(self, value: str | None) -> datetime | None:
        if value is None:
            return None
        try:
            instant = parse_datetime(value.upper()) if RFC3339.match(value) else None
            if instant is not None:
                return instant.astimezone(UTC)  # years beside the calendar overflow here
        except (ValueError, OverflowError):
            pass
        raise ValidationError("Expected a time such as 2026-01-31T12:00:00Z.", code="invalid")


class OneOfField(forms.Field):
    """One of few words, spelt exactly."""

    def __init__(self, *, words: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    @override
    def to_python(self, value: str | None) -> str | None:
        if value is not None and value not in self.words:
            raise ValidationError(f"Expected one of: {', '.join(self.words)}.", code="invalid")
        return value


class NamesField(forms.Field):
    """Names by comma, each known and given once."""

    def __init__(self, *, known: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = tuple(known)

    @override
    def to_python(self, value: str | None) -> tuple[str, ...]:
        names = tuple(value.split(",")) if value is not None else ()
        bare = [name.removeprefix("-") for name in names]
        if not set(names) <= set(self.known) or len(set(bare)) < len(bare):
            raise ValidationError(f"Expected some of: {', '.join(self.known)}.", code="invalid")
        return names


class SearchField(forms.Field):
    """Words to look for."""

    @override
    def to_python(self, value: str | None) -> str | None:
        if value is None:
            return None
        if len(value) > MAX_SEARCH_LENGTH:
            message = f"Expected at most {MAX_SEARCH_LENGTH} characters."
            raise ValidationError(message, code="max_length")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            raise ValidationError("Control characters are not allowed.", code="invalid")
        if value.isspace():
            raise ValidationError("Expected a value.", code="blank")
        return value


class PositiveFilter(Filter):
    field_class: type[forms.Field] = PositiveField


class InstantFilter(Filter):
    field_class: type[forms.Field] = InstantField


class OneOfFilter(Filter):
    field_class: type[forms.Field] = OneOfField


class SearchFilter(Filter):
    field_class: type[forms.Field] = SearchField


class Narrowing(FilterSet):
    """Filters that are made once for all requests, and get the values that `query_faults` made."""

    @classmethod
    @cache
    def shared(cls) -> Self:
        return cls()

    @classmethod
    def query_fields(cls) -> dict[str, forms.Field]:
        return {name: filter_.field for name, filter_ in cls.shared().filters.items()}

    @classmethod
    def narrow(cls, rows: QuerySet[Any], values: Mapping[str, Any]) -> QuerySet[Any]:
        """Keep the rows that every filter keeps; None is no filter."""
        for name, filter_ in cls.shared().filters.items():
            if values[name] is not None:
                rows = filter_.filter(rows, values[name])
        return rows


def query_faults(
    query: QueryDict, fields: Mapping[str, forms.Field]
) -> tuple[dict[str, Any], list[Fault]]:
    """Return the cleaned values of `fields` and all that is wrong with the query."""
    values: dict[str, Any] = {}
    found = [unknown_parameter(name, fields) for name in query if name not in fields]
    for name, field in fields.items():
        given = query.getlist(name)
        try:
            if len(given) > 1:
                raise ValidationError("Expected this parameter once.", code="invalid")
            if given == [""] and not getattr(field, "may_be_empty", False):
                raise ValidationError("Expected a value.", code="blank")
            if any(NOT_UTF8 in value for value in given):
                raise ValidationError("Expected UTF-8.", code="invalid")
            values[name] = field.clean(given[0] if given else None)
        except ValidationError as fault:
            found += [
                Fault(str(error.code), " ".join(error.messages), parameter=name)
                for error in fault.error_list
            ]
    return values, found
