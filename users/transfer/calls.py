"""What the API's calls for tables take and answer."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, cast

from django import forms
from django.http import StreamingHttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import Fault, Invalid, PayloadTooLarge, faults_of
from config.api.parameters import OneOfField
from config.replica import read
from users.managers import UserQuerySet
from users.models import User
from users.transfer.columns import FileRefused
from users.transfer.exporting import CSV_TYPE, csv_chunks, note_export
from users.transfer.importing import OnRefusal, import_table, rehearse
from users.transfer.reports import Report
from users.transfer.tables import read_table
from users.transfer.uploads import file_of_body, kind_of_body


def import_fields() -> dict[str, forms.Field]:
    """Return the query parameters of an import."""
    return {
        "dry_run": OneOfField(words=("true", "false"), required=False),
        "on_refusal": OneOfField(words=tuple(OnRefusal), required=False),
    }


def import_body(
    request: Request, query: dict[str, Any], faults: Sequence[Fault], *, actor: User
) -> Response:
    """Rehearse or import the table in the body and answer with the report.

    415, 413, 400 for what cannot be read; 400 with the refused rows where they stop the import.
    """
    if faults:
        raise Invalid(faults)
    django_request = request._request
    kind, charset = kind_of_body(django_request)
    try:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # A plain WSGI server tells no length: Django would take the body for empty.
            raise ParseError("Send the body with a Content-Length.")
        with file_of_body(django_request) as file:
            table = read_table(file, kind=kind, charset=charset)
            if query["dry_run"] == "true":
                return Response(represent_report(rehearse(table, actor=actor), is_dry=True))
            on_refusal = OnRefusal(query["on_refusal"] or OnRefusal.STOP)
            report = import_table(table, actor=actor, on_refusal=on_refusal)
    except ParseError as fault:
        raise Invalid(faults_of(fault.detail)) from None
    except FileRefused as fault:
        if fault.code == "too_large":
            raise PayloadTooLarge(fault.detail) from None
        raise Invalid([Fault(fault.code, fault.detail)]) from None
    if not report.is_written:
        raise Invalid(refusals_of(report), f"Nothing was imported. Refused rows: {report.refused}.")
    return Response(represent_report(report, is_dry=False))


def refusals_of(report: Report) -> Iterator[Fault]:
    for refusal in report.refusals:
        yield Fault(refusal.code, refusal.detail, field=refusal.column, row=refusal.row)


def represent_report(report: Report, *, is_dry: bool) -> dict[str, Any]:
    """Return the counts, exact, and at most 1000 of the refusals."""
    return {
        "import_id": None if is_dry else report.id,
        "dry_run": is_dry,
        "total": report.total,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "ignored_columns": list(report.ignored_columns),
        "refusals": [fault.as_dict() for fault in refusals_of(report)],
    }


def export_csv(request: Request, users: UserQuerySet) -> Any:
    """Answer with all of these users as CSV, one query after the other while it is sent."""
    chunks: Iterator[bytes] = iter(())
    if request.method != "HEAD":
        narrowing = request._request.GET.urlencode()
        note_export(actor=cast(User, request.user), form="csv", narrowing=narrowing)
        chunks = read(request, lambda using: begun(csv_chunks(users.using(using))))
    return StreamingHttpResponse(
        chunks,
        content_type=f"{CSV_TYPE}; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="users.csv"'},
    )


def begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the chunks, the first of them made: a database that is away is no broken file."""
    return chain([next(chunks)], chunks)
