"""What operators can do to one row: buttons on its page, questions before what is dangerous."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
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

from config.api.errors import Conflict
from config.api.etags import Stale, etag_of
from config.operators.questions import Question, and_trail, ask
from config.operators.verb_admin import VerbAdmin

CHANGED_SINCE = (
    "This was changed by someone else since you were asked. Nothing was done. Read again."
)


def nothing_to_fear(row: Any, request: HttpRequest) -> list[str]:
    return []


@dataclass(frozen=True)
class RowAct:
    """One act. An act without consequences is done at once, any other asks first."""

    name: str  # in the address
    label: str
    noted: str  # what of the row it changes, for Django's history
    perform: Callable[[Any, HttpRequest], str]  # says what it did; may raise Conflict or Stale
    refusal: Callable[[Any], str]  # why it cannot be done; empty where it can
    consequences: Callable[[Any, HttpRequest], list[str]] = nothing_to_fear

    @property
    def asks(self) -> bool:
        return self.consequences is not nothing_to_fear


class ActsAdmin(VerbAdmin):
    """Pages with buttons for acts. GET never acts."""

    acts: ClassVar[tuple[RowAct, ...]] = ()
    trail_of: str  # the filter of the trail that shows what was done to a row

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<str:object_id>/acts/<str:name>/", view, name=name), *super().get_urls()]

    def page_of(self, row: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=(row.pk,))

    def offered(self, row: Any) -> list[RowAct]:
        """Return the acts that are possible now."""
        return [act for act in self.acts if not act.refusal(row)]

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask about an act or do it, and lead back to the page of the row."""
        act = next((act for act in self.acts if act.name == name), None)
        row = self.get_object(request, object_id)
        if act is None or row is None:
            raise Http404
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if refusal := act.refusal(row):
            self.message_user(request, f"{refusal} Nothing was changed.", messages.WARNING)
            return HttpResponseRedirect(self.page_of(row))
        version = etag_of(*row.state())
        if request.method == "POST" and (not act.asks or request.POST.get("version") == version):
            self._perform(request, row, act)
            return HttpResponseRedirect(self.page_of(row))
        if request.method == "POST" and "version" in request.POST:
            self.message_user(request, CHANGED_SINCE, messages.WARNING)
        return ask(request, self, self._question(request, row, act, version))

    def _question(self, request: HttpRequest, row: Any, act: RowAct, version: str) -> Question:
        return Question(
            title=f"{act.label}: {getattr(row, 'name', row)}",
            consequences=act.consequences(row, request),
            button=f"Yes, {act.label[0].lower()}{act.label[1:]}",
            back=self.page_of(row),
            hidden=[("version", version)],
        )

    def _perform(self, request: HttpRequest, row: Any, act: RowAct) -> None:
        try:
            with transaction.atomic():
                done = act.perform(row, request)
                self.log_change(request, row, [{"changed": {"fields": [act.noted]}}])
        except Stale:
            self.message_user(request, CHANGED_SINCE, messages.ERROR)
        except Conflict as refusal:
            text = f"{refusal.detail} Nothing was changed."
            self.message_user(request, text, messages.ERROR)
        else:
            told = and_trail(done, **{self.trail_of: row.pk})
            self.message_user(request, told, messages.SUCCESS)
