"""Serializer fields that take JSON's own types and coerce nothing."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.fields import get_error_detail
from typing_extensions import override


class TextField(serializers.CharField):
    """A JSON string, made canonical by `clean`, which raises Django's `ValidationError`."""

    def __init__(self, *, clean: Callable[[str], str], **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        self.clean = clean
        # DRF's own check (NUL, surrogates) would answer before `clean` has told all there is.
        self.validators = []

    @override
    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and has_surrogates(data):
            self.fail("invalid")
        return super().run_validation(data)

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return self.clean(data)
        except DjangoValidationError as fault:
            raise serializers.ValidationError(get_error_detail(fault)) from None


def at_most(length: int) -> Callable[[str], str]:
    """Return a `clean` that takes any text of at most `length` code points as it is."""

    def clean(text: str) -> str:
        if len(text) > length:
            message = f"Ensure this field has no more than {length} characters."
            raise DjangoValidationError(message, code="max_length")
        return text

    return clean


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`."""

    @override
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=str(data)[:20])
        return data


class StrictIntegerField(serializers.IntegerField):
    """A JSON number without fraction or exponent; a boolean is none."""

    @override
    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


def has_surrogates(value: str) -> bool:
    """Tell whether the text has a lone surrogate, which no encoding of Unicode can carry."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
