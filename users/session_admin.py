"""How sessions are shown and ended in the admin site, and how operators change their password."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from typing_extensions import override

from config.api.etags import Stale
from config.operators.questions import and_trail, ask_about_rows, counted, is_confirmed
from config.operators.verb_admin import VerbAdmin, is_row_id
from config.operators.verb_form import stale
from config.throttling.limits import network_of
from users.auth.admin_login import session_of
from users.forms import OwnPasswordForm
from users.lifecycle import end_session, end_sessions, update_user
from users.managers import SessionQuerySet
from users.models import Session, User
from users.operators.consequences import of_ended_logins


class SessionAdmin(VerbAdmin):
    """Who is logged in, through the API or here; nothing to edit, but each can be ended."""

    actions = ("end",)
    fields = ("user", "created_at", "refreshed_at", "expires_at", "address", "user_agent")
    list_display = ("created_at", "user", "refreshed_at", "expires_at", "address", "user_agent")
    list_select_related = ("user",)
    lookups = ("user__id__exact",)
    search_fields = ("user__name", "user__email")
    search_help_text = "Every word is in the user's name or email."

    @override
    def get_queryset(self, request: HttpRequest) -> SessionQuerySet:
        return cast(SessionQuerySet, super().get_queryset(request)).live()

    @override
    def matching(self, rows: Any, words: list[str]) -> Any:
        return rows.filter(user__in=User.objects.matching(words)) if words else rows

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_view)
        return [path("<str:object_id>/end/", view, name="users_session_end"), *super().get_urls()]

    def end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End one session; the button is on its page, and on that of its user."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        session = self.get_object(request, object_id)
        user_id = request.POST.get("back_to_user", "")
        if not is_row_id(user_id):
            back = reverse("admin:users_session_changelist")
        else:
            back = reverse("admin:users_user_change", args=(user_id,))
            if session is None:
                self.message_user(request, "This session is over already.", messages.WARNING)
                return HttpResponseRedirect(back)
        if session is None:
            raise Http404
        with transaction.atomic():
            self.log_deletions(request, Session.objects.filter(pk=session.pk))
            end_session(session, actor=cast(User, request.user))
        told = and_trail("Sessions ended: 1.", user=session.user_id)
        self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(back)

    @admin.action(description="End selected sessions", permissions=["view"])
    def end(self, request: HttpRequest, sessions: SessionQuerySet) -> HttpResponse | None:
        chosen: SessionQuerySet = Session.objects.filter(pk__in=sessions.order_by().values("pk"))
        number = chosen.count()
        if number and not is_confirmed(request, chosen):
            return ask_about_rows(
                request,
                self,
                chosen,
                title=f"End {counted(number, 'session')}",
                consequences=of_ended_logins(chosen, number, own=session_of(request)),
            )
        with transaction.atomic():
            self.log_deletions(request, chosen)
            count = end_sessions(chosen, actor=cast(User, request.user))
        told = and_trail(f"Sessions ended: {count}.", user=cast(User, request.user).pk)
        self.message_user(request, told, messages.SUCCESS)
        return None


class OwnPasswordView(PasswordChangeView):
    """Change one's own password; this log-in goes on, all others end."""

    form_class = OwnPasswordForm

    @override
    def get_form(self, form_class: Any = None) -> Any:
        form: Any = super().get_form(form_class)
        form.address = network_of(self.request)
        return form

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        values = {"password": form.cleaned_data["new_password1"]}
        session = session_of(self.request)
        try:
            user = update_user(form.user, values, actor=form.user, session=session)
        except Stale:
            form.add_error(None, stale())
            return self.form_invalid(form)
        noted = [{"changed": {"fields": ["Password"]}}]
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, noted, single_object=True)
        update_session_auth_hash(self.request, user)
        return HttpResponseRedirect(self.get_success_url())
