"""Names of people and organisations: what may be in one."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from typing_extensions import override

MAX_LENGTH = 255

# Unicode's White_Space (PropList.txt). Python's `str.strip` takes U+001C to U+001F too.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
WHITE_SPACE += "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt) beside category Cf.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Embeddings, overrides and isolates reorder what stands beside the name.
BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def is_invisible(text: str) -> bool:
    """Tell whether a reader sees nothing: white space, format characters, ignorable ones."""
    return all(
        character in WHITE_SPACE
        or unicodedata.category(character) == "Cf"
        or IGNORABLE.match(character)
        for character in text
    )


def trim(text: str) -> str:
    return text.strip(WHITE_SPACE)


def clean_name(name: str) -> str:
    """Return the name trimmed; raise `ValidationError` (blank, max_length, invalid)."""
    name = trim(name)
    if len(name) > MAX_LENGTH:
        message = f"Ensure this field has no more than {MAX_LENGTH} characters."
        raise ValidationError(message, code="max_length")
    if is_invisible(name):
        raise ValidationError("This field may not be blank.", code="blank")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ValidationError("Control characters are not allowed.", code="invalid")
    if BIDI_CONTROLS.search(name):
        raise ValidationError("Characters that reorder text are not allowed.", code="invalid")
    return name


class CanonicalField(models.CharField):  # type: ignore[type-arg] # the class takes no argument at run time
    """Text stored in one form: forms, commands and `full_clean` all pass through `canonical`."""

    canonical: Callable[[str], str]

    @override
    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return type(self).canonical(super().clean(value, model_instance))


class NameField(CanonicalField):
    """A name of 1 to 255 characters."""

    canonical = staticmethod(clean_name)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MAX_LENGTH, **kwargs})
