"""Forms for users, on the admin site and behind mailed links: the API's rules and verbs."""

from typing import Any, cast

from django import forms
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import SetPasswordMixin
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core.exceptions import ValidationError
from typing_extensions import override

from config.operators.verb_form import VerbForm
from config.throttling.limits import Throttled
from users.auth.admin_login import PasswordField, throttled
from users.auth.credentials import is_current_password
from users.emails import MAX_LENGTH, clean_email
from users.lifecycle import create_user, update_user
from users.models import Session, User
from users.operators import consequences
from users.policies import Change, terms


def new_password_field() -> PasswordField:
    return PasswordField(
        label="Password",
        autocomplete="new-password",
        help_text=password_validators_help_text_html(),
    )


def repeated_password_field() -> PasswordField:
    return PasswordField(
        label="Password confirmation",
        autocomplete="new-password",
        help_text="The same password again.",
    )


def check_own_password(user: User, password: str, *, address: str) -> None:
    """Raise `ValidationError` where this is not the user's password, or is one try too many."""
    try:
        is_correct = is_current_password(user, password, address=address)
    except Throttled as refusal:
        raise throttled(refusal) from None
    if not is_correct:
        raise incorrect()


def incorrect() -> ValidationError:
    return ValidationError("This is not your password.", code="incorrect")


class UserAddForm(SetPasswordMixin, VerbForm):  # type: ignore[type-arg] # none at run time
    """A new user, with a password or with an invitation to choose one."""

    invite = forms.BooleanField(
        required=False,
        label="Invite by mail",
        help_text="They get a link and choose their own password: leave both fields below empty.",
    )
    password1 = new_password_field()
    password2 = repeated_password_field()

    class Meta:
        model = User
        fields = ("name", "email", "client", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invite = self.fields["invite"].widget
        if invite.value_from_datadict(self.data, self.files, self.add_prefix("invite")):
            for name in ("password1", "password2"):
                self.fields[name].required = False

    @override
    def clean(self) -> dict[str, Any] | None:
        if not self.cleaned_data.get("invite"):
            self.validate_passwords()
        elif any(self.data.get(self.add_prefix(name)) for name in ("password1", "password2")):
            fault = "Who is invited chooses their own password. Leave this empty."
            self.add_error("password1", ValidationError(fault, code="invalid"))
        return super().clean()

    @override
    def check_instance(self) -> None:
        if not self.cleaned_data.get("invite"):
            self.validate_password_for_user(self.instance, "password1")
        elif not self.errors and not self.instance.is_active:
            fault = ValidationError("Nobody inactive can be invited.", code="invalid")
            self.add_error("invite", fault)

    @override
    def save_by_verb(self) -> User:
        values = self.values("name", "email", "client", "active")
        if not self.cleaned_data["invite"]:
            values["password"] = self.cleaned_data["password1"]
        return create_user(values, actor=self.actor)


class UserChangeForm(VerbForm):
    """Changes of a user; not of the password, which has a page of its own."""

    current_password = PasswordField(
        autocomplete="current-password",
        required=False,
        help_text="Your own password; it is needed to change your own email.",
    )

    session: Session | None  # the actor's; the admin site sets it
    address: str  # so too

    asks_about = ("email", "client", "active")

    class Meta:
        model = User
        fields = ("name", "email", "client", "active")

    @override
    def check_instance(self) -> None:
        if self.instance.email == self.read.email or "current_password" in self.errors:
            return
        if terms("email", actor=self.actor, user=self.read) is not Change.WITH_PASSWORD:
            return
        given = self.cleaned_data["current_password"]
        if not given:
            fault = ValidationError("Enter your password to change your email.", code="required")
            self.add_error("current_password", fault)
            return
        try:
            check_own_password(self.read, given, address=self.address)
        except ValidationError as fault:
            self.add_error("current_password", fault)

    @override
    def foresee(self, changed: set[str]) -> list[str]:
        """Say what the verb will cause; what it will refuse is not asked about."""
        was, now, mine = self.read, self.instance, User.objects.filter(pk=self.read.pk)
        leaves = was.is_administrator and not (now.active and now.is_administrator)
        if leaves and consequences.is_last_administrator(mine):
            return []
        told = []
        if "email" in changed and was.pk != self.actor.pk:  # one's own is proved by the password
            told += consequences.of_new_email(was)
        if was.is_administrator != now.is_administrator:
            promoted = now.is_administrator
            told += (
                consequences.of_promotion(was)
                if promoted
                else consequences.of_demotion(was, actor=self.actor)
            )
        elif "client" in changed and not (was.client.active and now.client.active):
            told.append(consequences.sessions_that_end(mine))
        if "active" in changed:
            told += (
                consequences.of_activation(was)
                if now.active
                else consequences.of_deactivation(was, actor=self.actor)
            )
        return [*dict.fromkeys(told)]

    @override
    def save_by_verb(self) -> User:
        values = self.values("name", "email", "client", "active")
        return update_user(self.read, values, actor=self.actor, session=self.session)


class SetPasswordForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg] # none at run time
    """A new password, without the old one: for someone else, or by a link."""

    required_css_class = "required"

    password1 = new_password_field()
    password2 = repeated_password_field()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    @override
    def clean(self) -> dict[str, Any] | None:
        self.validate_passwords()
        self.validate_password_for_user(self.user, "password1")
        return super().clean()


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.CharField(
        max_length=MAX_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )

    def clean_email(self) -> str:
        return clean_email(self.cleaned_data["email"])


class OwnPasswordForm(AdminPasswordChangeForm):
    """A new password for oneself; the present one proves that it is not just an open browser."""

    old_password = PasswordField(label="Old password", autocomplete="current-password")
    new_password1 = new_password_field()
    new_password2 = repeated_password_field()

    address: str  # the view sets it

    @override
    def clean_old_password(self) -> str:
        given = cast(str, self.cleaned_data["old_password"])
        check_own_password(self.user, given, address=self.address)
        return given
