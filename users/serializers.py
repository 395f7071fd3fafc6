"""Bodies of users: how they are shown, what may be sent."""

from collections.abc import Iterator
from typing import Any

from rest_framework.exceptions import PermissionDenied
from typing_extensions import override

from clients.models import Client
from clients.names import clean_name
from config.api.errors import Fault
from config.api.fields import StrictBooleanField, StrictIntegerField, TextField
from config.api.serializers import is_same_json
from config.api.values import represent_value
from config.throttling.limits import network_of
from users.auth.credentials import is_current_password
from users.auth.serializers import NewPasswordSerializer, password_field
from users.emails import clean_email
from users.models import User, may_enter
from users.policies import FIELDS, Change, terms
from users.rows import ListedUser

INCLUDABLE = ("active", "status", "created_at", "updated_at", "last_login_at")
READ_ONLY = ("id", "client", "status", "created_at", "updated_at", "last_login_at")


def represent_user(user: User | ListedUser, include: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return `{"id", "name", "email", "client"}` and the keys of `include`."""
    client = user.client and {"id": user.client.pk, "name": user.client.name}
    shown = {"id": user.pk, "name": user.name, "email": user.email, "client": client}
    return shown | {key: represent_value(getattr(user, key)) for key in include}


class UserSerializer(NewPasswordSerializer):
    """What bodies of new users and of changes have in common."""

    read_only_keys = READ_ONLY

    name = TextField(clean=clean_name)
    email = TextField(clean=clean_email)
    client_id = StrictIntegerField(allow_null=True)
    password = password_field()
    password_confirmation = password_field(required=False, allow_blank=True)
    active = StrictBooleanField(required=False)

    instance: User | None

    @override
    def cross_faults(self) -> Iterator[Fault]:
        yield from self._email_faults()
        yield from self._client_faults()
        names = ("name", "email")
        named = {name: self.values.get(name, self.present(name)) for name in names}
        yield from self.password_faults(User(**named))

    def _email_faults(self) -> Iterator[Fault]:
        email = self.values.get("email")
        if email is None or (self.instance and email == self.instance.email):
            return
        # Their own row may have got this email from another request since it was read.
        own = self.instance.pk if self.instance else None
        if User.objects.filter(email=email).exclude(pk=own).exists():
            yield Fault("unique", "A user with this email already exists.", "email")

    def _client_faults(self) -> Iterator[Fault]:
        if "client_id" not in self.values:
            return
        client_id = self.values.pop("client_id")
        if client_id is None:
            self.values["client"] = None
        elif self.instance and client_id == self.instance.client_id:
            self.values["client"] = self.instance.client
        elif client := Client.objects.filter(pk=client_id).first():
            self.values["client"] = client
        else:
            yield Fault("does_not_exist", "There is no client with this id.", "client_id")

    def present(self, name: str) -> str:
        return getattr(self.instance, name) if self.instance else ""


class UserCreateSerializer(UserSerializer):
    """A new user. `client_id` must be there: null makes an administrator on purpose.

    With `invite` they set their own password: there is none in the body nor in `values`.
    """

    invite = StrictBooleanField(required=False)

    @override
    def faults(self) -> list[Fault]:
        if self.initial_data.get("invite") is True:
            self.fields["password"].required = False
        return super().faults()

    @override
    def cross_faults(self) -> Iterator[Fault]:
        yield from super().cross_faults()
        if self.values.pop("invite", False):
            yield from self._invitation_faults()

    def _invitation_faults(self) -> Iterator[Fault]:
        for field in ("password", "password_confirmation"):
            if field in self.initial_data:
                yield Fault("invalid", "Who is invited sets their own password.", field)
        if not may_enter(self.values.get("active", True), self.values.get("client")):
            yield Fault("invalid", "Nobody inactive can be invited.", "invite")


class UserUpdateSerializer(UserSerializer):
    """Changes of a user; what is absent stays. `policies.FIELDS` says who may change what."""

    deferred = ("current_password",)

    name = TextField(clean=clean_name, required=False)
    email = TextField(clean=clean_email, required=False)
    client_id = StrictIntegerField(allow_null=True, required=False)
    password = password_field(required=False)
    current_password = password_field()

    instance: User

    @override
    def faults(self) -> list[Fault]:
        self._refuse_forbidden()
        return super().faults()

    @override
    def represent_present(self) -> dict[str, Any]:
        return represent_user(self.instance, INCLUDABLE)

    def _terms(self, field: str) -> Change:
        return terms(field, actor=self.context["request"].user, user=self.instance)

    def _refuse_forbidden(self) -> None:
        """Raise 403 for a field that differs in value or type and is not the actor's to change."""
        body = self.initial_data
        for field in FIELDS:
            if field in body and self._terms(field) is Change.NEVER:
                if not is_same_json(body[field], getattr(self.instance, field)):
                    raise PermissionDenied(f"You may not change {field}.")

    @override
    def cross_faults(self) -> Iterator[Fault]:
        yield from super().cross_faults()
        if "password_confirmation" in self.initial_data and "password" not in self.initial_data:
            yield Fault("required", "There is no password to confirm.", "password")
        if self._needs_current_password():
            yield from self._current_password_faults()

    def _needs_current_password(self) -> bool:
        """Tell whether a guarded field is being changed; a new password is never the same."""
        body = self.initial_data
        changing = {"password"} if "password" in body else set()
        if "email" in body and self.values.get("email") != self.instance.email:
            changing.add("email")
        return any(self._terms(field) is Change.WITH_PASSWORD for field in changing)

    def _current_password_faults(self) -> Iterator[Fault]:
        yield from self.field_faults("current_password")
        given = self.values.pop("current_password", None)
        address = network_of(self.context["request"])
        if given is not None and not is_current_password(self.instance, given, address=address):
            yield Fault("incorrect", "This is not your password.", "current_password")
