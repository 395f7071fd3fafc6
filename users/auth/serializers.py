"""The bodies of the calls under /auth."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from typing_extensions import override

from config.api.errors import Fault
from config.api.fields import TextField, at_most
from config.api.serializers import StrictSerializer
from users.emails import clean_email, clean_login_email
from users.hashers import MAX_HASHED_LENGTH, normalised
from users.links import MAX_TOKEN_LENGTH, Link
from users.models import User

EXPIRED = Fault("token_not_valid", "This link is not valid (any more).", "token")


def password_field(**options: bool) -> TextField:
    """Return the field of a password that is at least short enough to be hashed."""
    return TextField(clean=at_most(MAX_HASHED_LENGTH), **options)


class LoginSerializer(StrictSerializer):
    """`{"email", "password"}`; an address that nobody can have is refused like a wrong password."""

    email = TextField(clean=clean_login_email)
    password = password_field()


class RefreshSerializer(StrictSerializer):
    """`{"refresh"}`; whatever text is no token is refused as an invalid one."""

    refresh = TextField(clean=str)


class ForgottenSerializer(StrictSerializer):
    """`{"email"}`."""

    email = TextField(clean=clean_email)


class NewPasswordSerializer(StrictSerializer):
    """A body with a `password`, and a `password_confirmation` that need not be there."""

    def password_faults(self, user: User) -> Iterator[Fault]:
        """Yield what is wrong with the password of this user, and with its confirmation."""
        password = self.values.get("password")
        confirmation = self.values.pop("password_confirmation", None)
        if password is None:
            return
        try:
            validate_password(password, user)
        except ValidationError as fault:
            for error in fault.error_list:
                yield Fault(str(error.code), " ".join(error.messages), "password")
        if confirmation is not None and normalised(confirmation) != normalised(password):
            detail = "This is not the same as the password."
            yield Fault("mismatch", detail, "password_confirmation")


class LinkSerializer(NewPasswordSerializer):
    """`{"token", "password"[, "password_confirmation"]}`; `user` is whose link it is, if any."""

    token = TextField(clean=at_most(MAX_TOKEN_LENGTH))
    password = password_field()
    password_confirmation = password_field(required=False, allow_blank=True)

    user: User | None = None

    def __init__(self, *, link: Link, data: dict[str, Any]) -> None:
        super().__init__(data=data)
        self.link = link

    @override
    def cross_faults(self) -> Iterator[Fault]:
        if token := self.values.get("token"):
            self.user = self.link.read(token, User.objects.all())
            if self.user is None:
                yield EXPIRED
        yield from self.password_faults(self.user or User())


class EmptySerializer(StrictSerializer):
    """No field at all: for calls that take no body."""
