"""What a password must be (NIST SP 800-63B-4, section 3.1.1.2)."""

from itertools import pairwise
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from typing_extensions import override

from clients.names import is_invisible
from users.hashers import MAX_HASHED_LENGTH, normalised

MAX_LENGTH = 128


class LengthValidator:
    """`PASSWORD_MIN_LENGTH` to 128 code points in NFKC."""

    def validate(self, password: str, user: Any = None) -> None:
        length = len(normalised(password[: MAX_HASHED_LENGTH + 1]))
        if length < settings.PASSWORD_MIN_LENGTH:
            message = f"Use at least {settings.PASSWORD_MIN_LENGTH} characters."
            raise ValidationError(message, code="password_too_short")
        if length > MAX_LENGTH:
            raise ValidationError(f"Use at most {MAX_LENGTH} characters.", code="max_length")

    def get_help_text(self) -> str:
        return f"Use {settings.PASSWORD_MIN_LENGTH} to {MAX_LENGTH} characters of any kind."


class VisibleValidator:
    """Something in it can be seen."""

    def validate(self, password: str, user: Any = None) -> None:
        if password and len(password) <= MAX_HASHED_LENGTH and is_invisible(password):
            raise ValidationError("Use characters that can be seen.", code="blank")

    def get_help_text(self) -> str:
        return "Spaces count, but not alone."


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Not in Django's list of 19,640 common passwords, in any case, nor made of one by habit.

    Most of the list is shorter than what is allowed here, and `passwordpassword` is what people
    then type.
    """

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_HASHED_LENGTH:
            return
        password = normalised(password)
        super().validate(password, user)
        text = password.lower().strip()
        if text.isascii() and len(text) <= MAX_LENGTH:
            if self._is_repetition(text) or is_run(text):
                raise ValidationError(self.get_error_message(), code="password_too_common")

    def _is_repetition(self, text: str) -> bool:
        """Tell whether it is one or two characters, or a common password, over and over."""
        unit = text[: (text + text).find(text, 1)]
        return unit != text and (len(unit) <= 2 or unit in self.passwords)


def is_run(text: str) -> bool:
    """Tell whether all characters are neighbours, up or down: `123456789012`, `lkjihgfedcba`."""
    size = 10 if text.isdigit() else 26  # after the last comes the first
    steps = {(ord(after) - ord(before)) % size for before, after in pairwise(text)}
    return len(text) > 2 and len(steps) == 1 and steps <= {1, size - 1}


class SimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Not like the name or the email."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_HASHED_LENGTH:
            return
        password = normalised(password)
        if len(password) <= MAX_LENGTH:  # comparing takes time that grows with the length
            super().validate(password, user)
