"""The pages that mailed links lead to: plain HTML forms, without scripts and without cookies."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from typing_extensions import override

from config.api.routing import method_not_allowed
from config.throttling.limits import Bucket, Throttled, charge, check, network_of
from users.admission import LinkExpired, redeem, request_reset
from users.forms import ForgottenForm, SetPasswordForm
from users.links import INVITATION, PASSWORD_RESET, Link
from users.models import User


def answer(
    request: HttpRequest, name: str, status: int = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """Return a page; the address of one that holds a token goes nowhere as `Referer`."""
    response = render(request, f"accounts/{name}.html", context, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return response


# No cookie tells who is here, so a token against forgery would prove nothing: what counts is the
# token in the address. Forms that other sites send are refused all the same.
@method_decorator(csrf_exempt, name="dispatch")
class Page(View):
    """A form; an address that fails too often gets 429 like everywhere."""

    http_method_names = ["get", "head", "post"]  # noqa: RUF012 # Django's own is no ClassVar either

    @override
    @method_decorator(sensitive_post_parameters())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
            return answer(request, "foreign", HTTPStatus.FORBIDDEN)
        try:
            return super().dispatch(request, *args, **kwargs)
        except Throttled as refusal:
            status = HTTPStatus.TOO_MANY_REQUESTS
            response = answer(request, "throttled", status, wait=refusal.wait)
            response["Retry-After"] = str(refusal.wait)
            return response

    @override
    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return method_not_allowed(request, ("GET", "HEAD", "POST"))


class LinkPage(Page):
    """Set a password by the link that this page is at. Reading it changes and counts nothing."""

    link: Link
    title: str

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        user = self.find(token)
        return self.show(SetPasswordForm(user)) if user else self.expired()

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        check(network_of(request), Bucket.LINKS)
        user = self.find(token)
        if user is None:
            charge(network_of(request), Bucket.LINKS)
            return self.expired()
        form = SetPasswordForm(user, request.POST)
        if not form.is_valid():
            return self.show(form, HTTPStatus.BAD_REQUEST)
        try:
            redeem(self.link, token, form.cleaned_data["password1"])
        except LinkExpired:  # used by another request since
            return self.expired()
        return HttpResponseRedirect(reverse("password-set-page"))

    def find(self, token: str) -> User | None:
        return self.link.read(token, User.objects.all())

    def show(self, form: SetPasswordForm, status: int = HTTPStatus.OK) -> HttpResponse:
        return answer(
            self.request, "set_password", status, form=form, user=form.user, title=self.title
        )

    def expired(self) -> HttpResponse:
        is_reset = self.link is PASSWORD_RESET
        return answer(self.request, "link_expired", HTTPStatus.GONE, is_reset=is_reset)


class InvitationPage(LinkPage):
    link = INVITATION
    title = "Choose your password"


class ResetPage(LinkPage):
    link = PASSWORD_RESET
    title = "Set a new password"


class ForgottenPage(Page):
    """Ask for a link, as `POST /auth/password/forgotten` does."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return answer(request, "forgotten", form=ForgottenForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgottenForm(request.POST)
        if not form.is_valid():
            return answer(request, "forgotten", HTTPStatus.BAD_REQUEST, form=form)
        charge(network_of(request), Bucket.LINKS)
        request_reset(form.cleaned_data["email"])
        return HttpResponseRedirect(reverse("password-heard-page"))


def password_set(request: HttpRequest) -> HttpResponse:
    return answer(request, "password_set")


def heard(request: HttpRequest) -> HttpResponse:
    return answer(request, "heard")
