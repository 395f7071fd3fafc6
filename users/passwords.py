"""What a password must be (NIST SP 800-63B-4, section 3.1.1.2)."""

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
    """Not in Django's list of 19,640 common passwords, in any case."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) <= MAX_HASHED_LENGTH:
            super().validate(normalised(password), user)


class SimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Not like the name or the email."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_HASHED_LENGTH:
            return
        password = normalised(password)
        if len(password) <= MAX_LENGTH:  # comparing takes time that grows with the length
            super().validate(password, user)
