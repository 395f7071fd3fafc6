"""How users and their sessions are shown and changed in the admin site."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminErrorList, AdminForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
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
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from typing_extensions import override

from clients.models import Client
from config.api.etags import Stale
from config.operators.verb_admin import VerbAdmin, is_row_id
from config.operators.verb_form import stale
from config.throttling.limits import network_of
from users.admission import invite_users
from users.audit.admin import time_line_of
from users.auth.admin_login import session_of
from users.counts import total_of
from users.export_admin import ExportAdmin
from users.forms import OwnPasswordForm, SetPasswordForm, UserAddForm, UserChangeForm
from users.lifecycle import LastAdministrator, end_session, end_sessions, set_active, update_user
from users.managers import SessionQuerySet, UserQuerySet
from users.models import STATUSES, Session, User

TIMES = ("last_login_at", "created_at", "updated_at")


class RoleFilter(admin.SimpleListFilter):
    """Looks at the client alone."""

    title = "role"
    parameter_name = "role"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("administrator", "Administrator"), ("regular", "Regular")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        match self.value():
            case None:
                return cast(UserQuerySet, queryset)
            case "administrator":
                return cast(UserQuerySet, queryset).administrators()
            case "regular":
                return cast(UserQuerySet, queryset).regular()
        raise IncorrectLookupParameters


class StatusFilter(admin.SimpleListFilter):
    """Looks at the user alone, not at their client."""

    title = "status"
    parameter_name = "status"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status.capitalize()) for status in STATUSES]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        status = self.value()
        if status is None:
            return cast(UserQuerySet, queryset)
        if status not in STATUSES:
            raise IncorrectLookupParameters
        return cast(UserQuerySet, queryset).with_status(status)


class ClientFilter(admin.SimpleListFilter):
    """Shows the client chosen, never a list of thousands: it is chosen in the list of clients."""

    title = "client"
    parameter_name = "client"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        if chosen is None:
            return []
        client = Client.objects.filter(pk=chosen).first() if is_row_id(chosen) else None
        if client is None:
            raise IncorrectLookupParameters
        return [(chosen, client.name)]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        chosen = self.value()
        return cast(UserQuerySet, queryset.filter(client=chosen) if chosen else queryset)


class LastLoginFilter(admin.SimpleListFilter):
    """Shows who has not logged in for long, and apart from them who never has."""

    title = "last login"
    parameter_name = "last_login"
    days: ClassVar = {"30": 30, "90": 90, "180": 180}

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((key, f"Over {key} days ago") for key in self.days), ("never", "Never")]

    @override
    def queryset(self, request: HttpRequest, queryset: Any) -> UserQuerySet:
        chosen = self.value()
        if chosen is None:
            return cast(UserQuerySet, queryset)
        if chosen == "never":
            return cast(UserQuerySet, queryset.filter(last_login_at__isnull=True))
        if chosen not in self.days:
            raise IncorrectLookupParameters
        bound = timezone.now() - timedelta(days=self.days[chosen])
        return cast(UserQuerySet, queryset.filter(last_login_at__lt=bound))


class UserAdmin(ExportAdmin):
    """Users; the digest of the password is on no page and no query can ask for it."""

    actions = ("invite", "activate", "deactivate")
    add_form = UserAddForm
    form = UserChangeForm
    autocomplete_fields = ("client",)
    list_display = ("email", "name", "client", "role", "active", "status", "last_login_at")
    list_filter = (RoleFilter, StatusFilter, "active", LastLoginFilter, ClientFilter)
    list_select_related = ("client",)
    lookups = ("role", "status", "client", "last_login", "active__exact", "active__isnull")
    search_fields = ("name", "email")
    sortable_by = ("email", "name", "last_login_at")  # which have an index
    search_help_text = "Every word is in the name or the email."

    @override
    def known_total(self, chosen: Mapping[str, list[str]]) -> int | None:
        return total_of(chosen)

    @admin.display
    def role(self, user: User) -> str:
        return "Administrator" if user.is_administrator else "Regular"

    @admin.display(description="latest events")
    def time_line(self, user: User) -> str:
        return time_line_of(user.pk)

    @override
    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            by = ("invite", "password1", "password2")
            return ((None, {"fields": ("name", "email", "client", "active", *by)}),)
        proof = ("current_password",) if obj.pk == request.user.pk else ()
        return (
            (None, {"fields": ("name", "email", *proof, "client", "active", "version")}),
            ("Times", {"fields": TIMES}),
            ("Audit trail", {"fields": ("time_line",)}),
        )

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return (*TIMES, "time_line") if obj else ()

    @override
    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(
            request, obj, change, **{**kwargs, "form": self.form if obj else self.add_form}
        )
        form.session = session_of(request)
        form.address = network_of(request)
        return form

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.password_view)
        return [
            path("<str:object_id>/password/", view, name="users_user_password"),
            *super().get_urls(),
        ]

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set someone else's password; one's own has a page that asks for the old one."""
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        if user.pk == request.user.pk:
            return HttpResponseRedirect(reverse("admin:password_change"))
        form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
        if form.is_valid() and self._set_password(request, user, form):
            self.message_user(request, "Password changed.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:users_user_change", args=(user.pk,)))
        fieldsets = [(None, {"fields": list(form.fields)})]
        context = {
            **self.admin_site.each_context(request),
            "title": "Set password",
            "subtitle": str(user),
            "adminform": AdminForm(cast(Any, form), fieldsets, {}),
            "errors": AdminErrorList(cast(Any, form), []),
            "inline_admin_formsets": [],
            "media": self.media,
            "original": user,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return self.render_change_form(request, context, change=True, obj=user)

    def _set_password(self, request: HttpRequest, user: User, form: SetPasswordForm) -> bool:
        values = {"password": form.cleaned_data["password1"]}
        actor = cast(User, request.user)
        try:
            with transaction.atomic():
                update_user(user, values, actor=actor, session=session_of(request))
                self.log_change(request, user, [{"changed": {"fields": ["Password"]}}])
        except Stale:
            form.add_error(None, stale())
            return False
        return True

    @admin.action(description="Send selected users a new invitation", permissions=["change"])
    def invite(self, request: HttpRequest, users: UserQuerySet) -> None:
        actor, chosen = cast(User, request.user), users.count()
        with transaction.atomic():
            invited = invite_users(users, actor=actor)
            noted = [{"changed": {"fields": ["Invitation"]}}]
            LogEntry.objects.log_actions(actor.pk, invited, CHANGE, noted)
        self.message_user(request, f"Invitations sent: {len(invited)}.", messages.SUCCESS)
        if others := chosen - len(invited):
            left = f"Left out, as they are inactive or have a password: {others}."
            self.message_user(request, left, messages.WARNING)

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, users: UserQuerySet) -> None:
        self._set_active(request, users, active=True)

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: UserQuerySet) -> None:
        self._set_active(request, users, active=False)

    def _set_active(self, request: HttpRequest, users: UserQuerySet, *, active: bool) -> None:
        actor = cast(User, request.user)
        changing = users.filter(active=not active).select_related(None).only("email")
        try:
            with transaction.atomic():
                noted = list(changing)
                count = set_active(users, active, actor=actor)
                LogEntry.objects.log_actions(
                    actor.pk, noted, CHANGE, [{"changed": {"fields": ["Active"]}}]
                )
        except LastAdministrator as refusal:
            self.message_user(request, f"{refusal.detail} Nothing was changed.", messages.ERROR)
        else:
            done = "activated" if active else "deactivated"
            self.message_user(request, f"Users {done}: {count}.", messages.SUCCESS)


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
        """End one session; the button is on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        session = self.get_object(request, object_id)
        if session is None:
            raise Http404
        with transaction.atomic():
            self.log_deletions(request, Session.objects.filter(pk=session.pk))
            end_session(session, actor=cast(User, request.user))
        self.message_user(request, "Sessions ended: 1.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:users_session_changelist"))

    @admin.action(description="End selected sessions", permissions=["view"])
    def end(self, request: HttpRequest, sessions: SessionQuerySet) -> None:
        with transaction.atomic():
            self.log_deletions(request, sessions)
            count = end_sessions(sessions, actor=cast(User, request.user))
        self.message_user(request, f"Sessions ended: {count}.", messages.SUCCESS)


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
