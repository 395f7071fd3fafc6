"""How users are shown and changed in the admin site."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminErrorList, AdminForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from typing_extensions import override

from config.api.etags import Stale
from config.operators.looks import instant
from config.operators.questions import and_trail
from config.operators.row_acts import ActsAdmin
from config.operators.verb_form import stale
from config.throttling.limits import network_of
from users.auth.admin_login import session_of
from users.forms import SetPasswordForm, UserAddForm, UserChangeForm
from users.lifecycle import update_user
from users.models import User
from users.operators import columns
from users.operators.acts import ACTS
from users.operators.bulk import BulkActs
from users.operators.consequences import sessions_that_end
from users.operators.exports import ExportAdmin
from users.operators.filters import (
    ClientFilter,
    LastLoginFilter,
    RoleFilter,
    StatusFilter,
    total_of,
)
from users.operators.person import page_of


class UserAdmin(BulkActs, ExportAdmin, ActsAdmin):
    """Users; the digest of the password is on no page and no query can ask for it."""

    acts = ACTS
    trail_of = "user"
    add_form = UserAddForm
    form = UserChangeForm
    autocomplete_fields = ("client",)
    list_display = ("person", "of_client", "role", "status", "last_login", "created")
    list_filter = (ClientFilter, RoleFilter, StatusFilter, LastLoginFilter)
    list_select_related = ("client",)
    lookups = ("role", "status", "client", "last_login", "active__exact", "active__isnull")
    search_fields = ("name", "email")
    sortable_by = ("person", "last_login")  # which have an index
    search_help_text = "Every word is in the name or the email."

    class Media:
        js = ("roster/choose_client.js",)

    @override
    def known_total(self, found: Any, chosen: Mapping[str, list[str]]) -> int | None:
        total = total_of(chosen)
        # An index holds both; with any other filter it would be the whole table.
        if total is None and chosen.keys() <= {"last_login", "active__exact"}:
            return cast(int, found.count())
        return total

    @admin.display(description="user", ordering="email")
    def person(self, user: User) -> SafeString:
        return format_html('<bdi>{}</bdi> <span class="quiet">{}</span>', user.name, user.email)

    @admin.display(description="client")
    def of_client(self, user: User) -> SafeString | str:
        return columns.client_link(user.client)

    @admin.display
    def role(self, user: User) -> SafeString:
        return columns.role_badge(user)

    @admin.display(description="status")
    def status(self, user: User) -> SafeString:
        return columns.status_badge(user)

    @admin.display(ordering="last_login_at")
    def last_login(self, user: User) -> SafeString | str:
        return instant(user.last_login_at)

    @admin.display
    def created(self, user: User) -> SafeString | str:
        return instant(user.created_at)

    @override
    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            by = ("invite", "password1", "password2")
            return ((None, {"fields": ("name", "email", "client", "active", *by)}),)
        proof = ("current_password",) if obj.pk == request.user.pk else ()
        return (("Profile", {"fields": ("name", "email", *proof, "client", "active", "version")}),)

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
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        form = context["adminform"].form
        if isinstance(form, UserChangeForm):
            user = form.read  # not as it was typed
            context.update(original=user, title=user.name, subtitle=None)
            context["person"] = page_of(user, session=session_of(request))
            context["acts"] = self.offered(user)
        return super().render_change_form(request, context, *args, **kwargs)

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
            told = and_trail("Password changed.", user=user.pk)
            self.message_user(request, told, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:users_user_change", args=(user.pk,)))
        ends = sessions_that_end(User.objects.filter(pk=user.pk))
        warning = escape(f"{user.name} needs the new password from now on. {ends}")
        fieldsets: Any = [("New password", {"fields": list(form.fields), "description": warning})]
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
        return cast(HttpResponse, self.render_change_form(request, context, change=True, obj=user))

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
