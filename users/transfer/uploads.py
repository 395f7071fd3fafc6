"""The body of an import: a file of a known type, kept out of memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from config.api.errors import PayloadTooLarge
from users.transfer.columns import MAX_FILE_BYTES, TOO_LARGE
from users.transfer.exporting import CSV_TYPE, XLSX_TYPE
from users.transfer.tables import CHARSETS, Kind

CHUNK = 64 * 1024
KINDS: dict[str, Kind] = {CSV_TYPE: "csv", XLSX_TYPE: "xlsx"}


def kind_of_body(request: HttpRequest) -> tuple[Kind, str]:
    """Return the kind and the charset ("" if none is named); raise `UnsupportedMediaType` (415)."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("", detail="Send the file without a content coding.")
    kind = KINDS.get((request.content_type or "").lower())
    if kind is None:
        detail = f"Send {CSV_TYPE} or {XLSX_TYPE}."
        raise UnsupportedMediaType("", detail=detail)
    parameters: dict[str, Any] = dict(request.content_params or {})
    charset = str(parameters.get("charset", "")).strip("\"'").lower() if kind == "csv" else ""
    if charset and charset not in CHARSETS:
        raise UnsupportedMediaType("", detail=f"Charsets are: {', '.join(CHARSETS)}.")
    return kind, charset


@contextmanager
def file_of_body(request: HttpRequest) -> Iterator[IO[bytes]]:
    """Lend the body as a seekable file; raise `PayloadTooLarge` (413) or `ParseError` (400)."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > MAX_FILE_BYTES:
        raise PayloadTooLarge(TOO_LARGE)
    with tempfile.SpooledTemporaryFile(1024 * 1024) as file:
        for chunk in iter(lambda: request.read(CHUNK), b""):
            file.write(chunk)
        if file.tell() < length:
            raise ParseError("The body ended before its announced length.")
        yield file
