"""Taking users out through the operators' site: what the list shows, as CSV or XLSX."""

import tempfile
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from typing_extensions import override

from config.operators.verb_admin import VerbAdmin
from users.managers import UserQuerySet
from users.models import User
from users.transfer.exporting import (
    CSV_TYPE,
    XLSX_TYPE,
    TooManyRows,
    csv_chunks,
    note_export,
    write_xlsx,
)


class ExportAdmin(VerbAdmin):
    """A list that can be taken out, every page of it."""

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export.csv", wrap(self.csv_view), name="users_user_export_csv"),
            path("export.xlsx", wrap(self.xlsx_view), name="users_user_export_xlsx"),
            *super().get_urls(),
        ]

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        users = self._exported(request, "csv")
        if not isinstance(users, UserQuerySet):
            return users
        content_type = f"{CSV_TYPE}; charset=utf-8"
        is_head = request.method == "HEAD"
        chunks = () if is_head else csv_chunks(users, has_bom=True)  # for a spreadsheet program
        return _as_file(StreamingHttpResponse(chunks, content_type=content_type), "users.csv")

    def xlsx_view(self, request: HttpRequest) -> HttpResponseBase:
        users = self._exported(request, "xlsx")
        if not isinstance(users, UserQuerySet):
            return users
        if request.method == "HEAD":
            return _as_file(HttpResponse(content_type=XLSX_TYPE), "users.xlsx")
        file = tempfile.TemporaryFile()  # noqa: SIM115 # the response closes it
        try:
            write_xlsx(users, file)
        except TooManyRows:
            file.close()
            self.message_user(request, "A sheet cannot hold so many: take CSV.", messages.ERROR)
            return _to_list()
        file.seek(0)
        return _as_file(FileResponse(file, content_type=XLSX_TYPE), "users.xlsx")

    def _exported(self, request: HttpRequest, form: str) -> UserQuerySet | HttpResponseBase:
        """Return the users that the list would show, recorded as taken out, or another answer."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return _to_list()
        if request.GET.get(SEARCH_VAR, "").strip() and not shown.query:  # it cannot be looked for
            return _to_list()
        users = cast(UserQuerySet, shown.queryset)
        if request.method == "GET":
            actor = cast(User, request.user)
            note_export(actor=actor, form=form, narrowing=request.GET.urlencode())
        return users


def _to_list() -> HttpResponseBase:
    return HttpResponseRedirect(reverse("admin:users_user_changelist"))


def _as_file(response: Any, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return cast(HttpResponseBase, response)
