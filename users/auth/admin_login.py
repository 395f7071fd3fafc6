"""Logging in to the admin site: a signed cookie that names a row of `Session`."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from config.api.peers import CALLER
from config.metrics import count_login
from config.throttling.limits import Throttled
from users.auth.authentication import client_of
from users.auth.credentials import note_refusal
from users.hashers import MAX_HASHED_LENGTH
from users.lifecycle import log_out, open_session
from users.models import Session, User

SESSION_ID = "session_id"  # the key in the cookie
_CACHED = "roster.admin_session"


def throttled(refusal: Throttled) -> ValidationError:
    return ValidationError(str(refusal.detail), "throttled", params={"wait": refusal.wait})


class PasswordField(forms.CharField):
    """A password as typed: never trimmed, and no longer than what may be hashed."""

    def __init__(self, *, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, max_length=MAX_HASHED_LENGTH, widget=widget, **kwargs)


class LoginForm(AuthenticationForm):
    """An administrator's email and password; whatever is wrong with them, the text is the same."""

    required_css_class = "required"
    error_messages = {  # noqa: RUF012 # Django's own is no ClassVar either
        "invalid_login": "Please enter the correct email and password of an active administrator.",
    }

    # Not Django's field, which maps other letters onto ASCII ones (NFKC).
    username = forms.CharField(
        label="Email",
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocapitalize": "none", "autocomplete": "username"}
        ),
    )
    password = PasswordField(label="Password", autocomplete="current-password")

    @override
    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except Throttled as refusal:
            raise throttled(refusal) from None

    @override
    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_staff:
            note_refusal(user.email)
            raise self.get_invalid_login_error()


class AdminLoginView(LoginView):
    """The log-in page of the admin site."""

    form_class = LoginForm
    template_name = "admin/login.html"

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except Exception:
            count_login("unavailable")
            raise

    @override
    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        session = open_session(
            user,
            digest=user.kept_digest,
            lifetime=timedelta(seconds=settings.SESSION_COOKIE_AGE),
            **client_of(self.request),
        )
        if session is None:
            note_refusal(user.email)
            form.add_error(None, form.get_invalid_login_error())
            return self.form_invalid(form)
        end_session_of(self.request)
        user.password = user.kept_digest  # Django's part of the cookie is made of what is stored
        response = super().form_valid(form)
        self.request.session[SESSION_ID] = session.pk
        count_login("succeeded")
        return response

    @override
    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        for error in form.errors.as_data().get(NON_FIELD_ERRORS, ()):
            if error.code == "throttled" and error.params:
                response.status_code = 429
                response["Retry-After"] = str(error.params["wait"])
                count_login("throttled")
            else:
                count_login("refused")
        return response


def session_of(request: HttpRequest) -> Session | None:
    """Return the live session that the request's cookie names, if it is an administrator's."""
    user = request.user
    if not isinstance(user, User) or not user.is_staff:
        return None
    if _CACHED not in request.META:
        named: Any = request.session.get(SESSION_ID)
        request.META[_CACHED] = Session.objects.live().filter(pk=named, user=user).first()
    session: Session | None = request.META[_CACHED]
    if session is not None:
        request.META[CALLER] = session.user_id
    return session


def end_session_of(request: HttpRequest) -> None:
    """End the log-in that the request's cookie names, if there is one."""
    if session := session_of(request):
        log_out(session)
        request.META[_CACHED] = None
