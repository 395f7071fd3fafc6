"""Bodies checked whole: every fault at once, nothing unknown, nothing read-only changed."""

import json
from collections.abc import Iterator
from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField
from typing_extensions import override

from config.api.errors import Fault, Invalid, faults_of


class StrictSerializer(serializers.Serializer[Any]):
    """A flat body. Subclasses name their fields, `read_only_keys` and cross-field rules.

    `faults()` runs the checks and returns what is wrong; afterwards `values` holds the fields that
    were given and are right. DRF's own `is_valid` stops at the first kind of fault, this does not.
    """

    read_only_keys: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()  # fields that only `cross_faults` can judge
    values: dict[str, Any]

    def faults(self) -> list[Fault]:
        """Check `initial_data`; fill `values`."""
        body: dict[str, Any] = self.initial_data
        self.values = {}
        found = [*self._unknown(body), *self._changed_read_only(body)]
        for field in self._writable_fields:
            if field.field_name not in self.deferred:
                found.extend(self.field_faults(str(field.field_name)))
        return [*found, *self.cross_faults()]

    def field_faults(self, name: str) -> Iterator[Fault]:
        """Check one field by itself; put what is right into `values`."""
        try:
            given = self.initial_data.get(name, serializers.empty)
            self.values[name] = self.fields[name].run_validation(given)
        except SkipField:
            pass
        except serializers.ValidationError as fault:
            yield from faults_of(fault.detail, name)

    def cross_faults(self) -> Iterator[Fault]:
        """Yield what is wrong between the fields that are right by themselves."""
        yield from ()

    def represent_present(self) -> dict[str, Any]:
        """Return the present value of each read-only key; nothing where there is no row yet."""
        return {}

    def raise_faults(self, *others: Fault) -> dict[str, Any]:
        """Return `values`; raise `Invalid` with these faults and `others`."""
        if found := [*others, *self.faults()]:
            raise Invalid(found)
        return self.values

    def _unknown(self, body: dict[str, Any]) -> Iterator[Fault]:
        known = {*self.fields, *self.read_only_keys}
        for key in body:
            if key not in known:
                names = ", ".join(self.fields) or "none"
                yield Fault("unknown_field", f"Unknown field. Those there are: {names}.", key)

    def _changed_read_only(self, body: dict[str, Any]) -> Iterator[Fault]:
        given = [key for key in self.read_only_keys if key in body]
        present = self.represent_present() if given else {}
        for key in given:
            if key not in present or not is_same_json(body[key], present[key]):
                yield Fault("read_only", "This field can be read but not changed.", key)

    @override
    def to_representation(self, instance: Any) -> Any:
        raise NotImplementedError  # answers are made by `represent` of each app


def is_same_json(one: Any, other: Any) -> bool:
    """Compare by JSON's types: unlike Python's `==`, 1, 1.0 and true all differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
