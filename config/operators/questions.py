"""Asking before what is dangerous: a page that says what will happen, with a button to go on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import BigIntegerField, Count, F, Max, Min, QuerySet, Sum, Value
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

SUMMED, SQUARED = 2**31 - 1, 99_991  # primes: what ids are divided by before they are added up


@dataclass(frozen=True)
class Question:
    """What is asked. `hidden` is sent along with a yes, to the address of the page itself."""

    title: str
    consequences: list[str]
    button: str
    back: str  # where a no leads
    hidden: list[tuple[str, str]] = field(default_factory=list)


def ask(request: HttpRequest, model_admin: Any, question: Question) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question.title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "question": question,
    }
    return TemplateResponse(request, "admin/question.html", context)


def signature_of(rows: QuerySet[Any]) -> str:
    """Return what tells these rows from others: made of their ids, by the database.

    Sums of remainders stay far from what 64 bits hold, however large the ids.
    """
    remainder = F("pk") % Value(SQUARED)
    ids = {
        "number": Count("pk"),
        "first": Min("pk"),
        "last": Max("pk"),
        "sum": Sum(F("pk") % Value(SUMMED), output_field=BigIntegerField()),
        "squares": Sum(remainder * remainder, output_field=BigIntegerField()),
    }
    found = rows.order_by().aggregate(**ids)
    return "-".join(str(found[name] or 0) for name in ids)


def is_confirmed(request: HttpRequest, rows: QuerySet[Any]) -> bool:
    """Tell whether the yes was to what is asked now: a bulk action on these rows."""
    confirmed = request.POST.get("confirmed")
    return confirmed is not None and confirmed == signature_of(rows)


def ask_about_rows(
    request: HttpRequest,
    model_admin: Any,
    rows: QuerySet[Any],
    *,
    title: str,
    consequences: list[str],
) -> HttpResponse:
    """Ask whether a bulk action on `rows` is meant; a yes runs it again, confirmed."""
    sent = ("action", "index", "select_across", ACTION_CHECKBOX_NAME)
    hidden = [(name, value) for name in sent for value in request.POST.getlist(name)]
    if "confirmed" in request.POST:
        consequences = ["The list has changed since you were asked.", *consequences]
    question = Question(
        title=title,
        consequences=consequences,
        button="Yes, go on",
        back=request.get_full_path(),
        hidden=[*hidden, ("confirmed", signature_of(rows))],
    )
    return ask(request, model_admin, question)


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun, such as "1 session" or "1,204 sessions"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def and_trail(text: str, **narrowing: Any) -> SafeString:
    """Return what was done, with a link to where the trail has it."""
    url = reverse("admin:audit_auditevent_changelist", query=narrowing)
    return format_html('{} <a href="{}">Audit trail</a>', text, url)


def sentences(*parts: str | Iterable[str]) -> list[str]:
    """Return the parts that are not empty, those of lists one by one."""
    flat = [[part] if isinstance(part, str) else list(part) for part in parts]
    return [text for texts in flat for text in texts if text]
