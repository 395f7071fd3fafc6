"""The bodies of the calls under /auth."""

from config.api.fields import TextField, at_most
from config.api.serializers import StrictSerializer
from users.emails import clean_login_email
from users.hashers import MAX_HASHED_LENGTH


class LoginSerializer(StrictSerializer):
    """`{"email", "password"}`; an address that nobody can have is refused like a wrong password."""

    email = TextField(clean=clean_login_email)
    password = TextField(clean=at_most(MAX_HASHED_LENGTH))


class RefreshSerializer(StrictSerializer):
    """`{"refresh"}`; whatever text is no token is refused as an invalid one."""

    refresh = TextField(clean=str)


class EmptySerializer(StrictSerializer):
    """No field at all: for calls that take no body."""
