"""Forms of the operators' site: saved by the verbs that the API uses."""

from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.functional import cached_property
from typing_extensions import override

from config.api.errors import Conflict
from config.api.etags import Stale, etag_of


def stale() -> ValidationError:
    return ValidationError("This was changed by someone else. Reload the page.", code="stale")


def shown(value: Any) -> str:
    """Return a field's value as it is shown in a question."""
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


class VerbForm(forms.ModelForm):  # type: ignore[type-arg] # the class takes no argument at run time
    """A form whose last check is its verb: what the verb refuses is an error of the form.

    `ModelAdmin` cannot show an error any more once it has taken a form for valid. A form is valid
    only inside the transaction of `ModelAdmin.changeform_view`, so nothing is written by halves.
    """

    # Which row was shown: values typed into an old page do not undo what others did since.
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    actor: Any  # who is logged in; the admin site sets it

    asks_about: tuple[str, ...] = ()  # fields whose change is asked about before it is saved
    is_asking = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read: Any = copy(self.instance)  # checking the form sets its values on the instance
        self.initial["version"] = etag_of(*self.read.state())

    def check_instance(self) -> None:
        """Add the errors that show only on the instance as it would be saved."""

    def foresee(self, changed: set[str]) -> list[str]:
        """Return what changes of fields in `asks_about` will cause; nothing is not asked about."""
        return []

    def save_by_verb(self) -> Any:
        raise NotImplementedError

    def values(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self.instance, name) for name in names}

    @override
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.read.pk and self.cleaned_data.get("version") not in ("", self.initial["version"]):
            raise stale()
        return cleaned

    def _post_clean(self) -> None:  # Django's hook behind `clean`, where the instance is checked
        super()._post_clean()  # type: ignore[misc] # not in the stubs
        self.check_instance()
        if self.errors:
            return
        if self._has_to_ask():
            unsaved = "Nothing has been saved yet: read what will happen, and confirm it."
            self.add_error(None, ValidationError(unsaved, code="confirm"))
            return
        try:
            with transaction.atomic():
                self.instance = self.save_by_verb()
        except (Stale, IntegrityError):
            self.add_error(None, stale())
        except Conflict as refusal:
            self.add_error(None, ValidationError(str(refusal.detail), code=refusal.default_code))

    def _has_to_ask(self) -> bool:
        """Tell whether there is a danger that the form was not sent back for, as it is now."""
        fields = [self.instance._meta.get_field(name) for name in self.asks_about]
        now = {f.name: getattr(self.instance, f.attname) for f in fields}
        changed = {f.name for f in fields if getattr(self.read, f.attname) != now[f.name]}
        self.consequences = self.foresee(changed) if changed else []
        self.confirmation = etag_of(*self.read.state(), *now.items())
        self.is_asking = bool(self.consequences) and (
            self.data.get("confirmed") != self.confirmation
        )
        if self.is_asking:
            self.asked = [
                (
                    f.verbose_name,
                    shown(getattr(self.read, f.name)),
                    shown(getattr(self.instance, f.name)),
                )
                for f in fields
                if f.name in changed
            ]
        return self.is_asking

    @cached_property
    @override
    def changed_data(self) -> list[str]:
        """Return the names of columns alone: they go into the history."""
        columns = {column.name for column in self.instance._meta.fields}
        return [name for name in super().changed_data if name in columns]
