"""Imports on the operators' site: bring a file, read the rehearsal, decide, take the report."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from typing_extensions import override

from config.operators.verb_admin import VerbAdmin
from users.imports import RUNNING, NotRehearsed, NotTheirs, bring_in, confirm, discard
from users.models import Import, ImportFile, User
from users.transfer.columns import MAX_FILE_BYTES
from users.transfer.importing import OnRefusal

PATIENCE = timedelta(seconds=10)  # then the page asks whether there is a worker

COLUMNS = {
    "id": "The number of a user who is there. This or their email tells whom a row is about.",
    "name": "Their name.",
    "email": "Their address. In a row with an id it may be a new one.",
    "client_id": "The number of their client.",
    "client": "The name of their client, in any case, instead of its number or beside it.",
    "role": "“administrator” or “regular”. Nobody becomes an administrator without this word.",
    "active": "“true” or “false”: whether they may log in.",
    "invite": "“true” mails them a link with which they choose a password.",
}


class ImportForm(forms.Form):
    """The file."""

    required_css_class = "required"

    file = forms.FileField(
        label="CSV or XLSX file",
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
        help_text=f"At most {MAX_FILE_BYTES >> 20} MiB. Nothing is written before you say so.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError("This file is too large.", code="too_large")
        return file


class ImportAdmin(VerbAdmin):
    """Files of users: what became of each; a file is deleted once it is written or discarded."""

    actions = None
    list_display = ("filename", "state", "new", "changed", "refused", "user", "created_at")
    list_select_related = ("user",)
    list_filter = ("state",)
    lookups = ("state__exact",)
    search_fields = ("filename",)
    search_help_text = "Every word is in the name of the file."

    @override
    def matching(self, rows: Any, words: list[str]) -> Any:
        for word in words:
            rows = rows.filter(filename__icontains=word)
        return rows

    @override
    def has_change_permission(self, request: HttpRequest, obj: Import | None = None) -> bool:
        return False

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<str:object_id>/decide/", wrap(self.decide_view), name="users_import_decide"),
            path("<str:object_id>/report/", wrap(self.report_view), name="users_import_report"),
            *super().get_urls(),
        ]

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Take a file and let the worker rehearse it."""
        is_sent = request.method == "POST"
        form = ImportForm(*(request.POST, request.FILES) if is_sent else ())
        if is_sent and form.is_valid():
            file = form.cleaned_data["file"]
            job = bring_in(file.read(), file.name, actor=cast(User, request.user))
            return HttpResponseRedirect(page_of(job))
        latest = Import.objects.select_related("user")[:5]
        context = {"title": "Import users", "form": form, "columns": COLUMNS, "latest": latest}
        return self._page(request, "add", context)

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show how far it is, what was found, and the choice when it is rehearsed."""
        job = self._job(request, object_id)
        file = ImportFile.objects.filter(of=job).annotate(has_report=Q(report__isnull=False))
        is_stuck = job.state in RUNNING and job.seen_at < timezone.now() - PATIENCE
        context = {
            "title": "Import",
            "subtitle": job.filename,
            "job": job,
            "file": file.defer("content", "report").first(),
            "rows": job.new + job.changed,
            "is_stuck": is_stuck,
            "may_write": job.user_id == request.user.pk,
            "holds_up_others": connection.vendor == "sqlite",
        }
        return self._page(request, "page", context)

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._job(request, object_id)
        choice = request.POST.get("choice", "")
        try:
            if choice == "discard":
                discard(job)
            elif choice in {*OnRefusal}:
                confirm(job, on_refusal=OnRefusal(choice), actor=cast(User, request.user))
            else:
                raise Http404
        except (NotRehearsed, NotTheirs) as refusal:
            self.message_user(request, str(refusal.detail), messages.WARNING)
        return HttpResponseRedirect(page_of(job))

    def report_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return what became of each row, as CSV."""
        job = self._job(request, object_id)
        report = ImportFile.objects.filter(of=job).values_list("report", flat=True).first()
        if report is None:
            raise Http404
        response = HttpResponse(bytes(report), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{job.pk}-report.csv"'
        return response

    def _job(self, request: HttpRequest, object_id: str) -> Import:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        return cast(Import, job)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/users/import/{name}.html", context)


def page_of(job: Import) -> str:
    return reverse("admin:users_import_change", args=(job.pk,))
