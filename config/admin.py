"""The operators' site: which models it has, and who gets in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from typing_extensions import override

from clients.admin import ClientAdmin
from clients.models import Client
from config.audit.models import AuditEvent
from users.admin import UserAdmin
from users.audit.admin import AuditEventAdmin
from users.auth.admin_login import AdminLoginView, end_session_of, session_of
from users.import_admin import ImportAdmin
from users.mail_admin import MailAdmin
from users.models import Import, Mail, Session, User
from users.overview import overview
from users.session_admin import OwnPasswordView, SessionAdmin

Context = dict[str, Any] | None


class OperatorsSite(AdminSite):
    """Open to active administrators whose log-in is a live row of `Session`."""

    site_header = "Roster"
    site_title = "Roster"
    index_title = "Overview"
    enable_nav_sidebar = False  # templates/admin/navigation.html is there on every page

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        return session_of(request) is not None

    @override
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return apps and models in the order in which they are registered, not of their names."""
        order = [model.__name__ for model in self._registry]
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: order.index(model["object_name"]))
        return sorted(apps, key=lambda app: order.index(app["models"][0]["object_name"]))

    @override
    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out the look-up of any table by number: there are tables that Roster lacks."""
        urls = super().get_urls()
        return [url for url in urls if getattr(url, "name", None) != "view_on_site"]

    @override
    def index(self, request: HttpRequest, extra_context: Context = None) -> Any:
        return super().index(request, {**overview(), **(extra_context or {})})

    @override
    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Context = None) -> Any:
        index = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(index)
        if request.user.is_authenticated and not self.has_permission(request):
            logout(request)  # the cookie of a log-in that has ended
        context = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = index
        request.current_app = self.name
        return AdminLoginView.as_view(extra_context=context, next_page=index)(request)

    @override
    def logout(self, request: HttpRequest, extra_context: Context = None) -> Any:
        if request.method == "POST":
            end_session_of(request)
        return super().logout(request, extra_context)

    @override
    def password_change(self, request: HttpRequest, extra_context: Context = None) -> Any:
        request.current_app = self.name
        context = {**self.each_context(request), **(extra_context or {})}
        done = reverse("admin:password_change_done", current_app=self.name)
        return OwnPasswordView.as_view(extra_context=context, success_url=done)(request)

    @override
    def autocomplete_view(self, request: HttpRequest) -> Any:
        """Complete the one field that is typed; Django's view fails on fields of other kinds."""
        asked = [request.GET.get(key) for key in ("app_label", "model_name", "field_name")]
        if asked != ["users", "user", "client"]:
            raise PermissionDenied
        return super().autocomplete_view(request)


site = OperatorsSite(name="admin")
site.register(User, UserAdmin)
site.register(Session, SessionAdmin)
site.register(Mail, MailAdmin)
site.register(Import, ImportAdmin)
site.register(Client, ClientAdmin)
site.register(AuditEvent, AuditEventAdmin)
