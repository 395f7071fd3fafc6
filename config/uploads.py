"""Files to import: the only bodies over 1 MiB, for administrators alone, few at a time.

They come at any pace above `MIN_RATE`, into a temporary file, before a thread is taken. Who may not
import is held to what holds everywhere, so that nobody else can fill a disk or take a place here.
"""

from typing import Any

from config.api.parsing import MAX_BODY_BYTES
from users.transfer.columns import MAX_FILE_BYTES

API_PATH, SITE_PATH = "/users/import", "/admin/users/import/add"
MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 64 * 1024  # what a form has around its file
MIN_RATE = 64 * 1024  # bytes a second
MOST_AT_ONCE = 2  # of a worker; an import takes one of its threads for up to a minute
BUSY = "Other files are being imported. Try again in a minute."
RETRY_SECONDS = 60


def is_upload(scope: Any) -> bool:
    """Tell whether a request has a body that only an import may have."""
    if scope.method != "POST" or scope.path.removesuffix("/") not in (API_PATH, SITE_PATH):
        return False
    return "transfer-encoding" in scope.headers or announced(scope.headers) > MAX_BODY_BYTES


def announced(headers: Any) -> int:
    return int(headers.get("content-length", "") or 0)
