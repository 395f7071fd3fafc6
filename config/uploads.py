"""Files to import: the only bodies over 1 MiB, for administrators alone, few at a time.

They come at any pace above `MIN_RATE`, into a temporary file, before a thread is taken. Who may not
import is held to what holds everywhere, so that nobody else can fill a disk or take a place here;
the application asks once more who is calling.
"""

from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from config.api.parsing import MAX_BODY_BYTES
from users.auth.admin_login import SESSION_ID
from users.auth.authentication import InvalidAccessToken, find_session
from users.models import Session
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


def may_upload(scope: Any) -> bool:
    """Tell whether an administrator is calling; asks the database, so it belongs in a thread."""
    close_old_connections()
    try:
        session = (
            _session_of_token(scope.headers.get("authorization", "") or "")
            if scope.path.startswith(API_PATH)
            else _session_of_cookie(scope.headers.get("cookie", "") or "")
        )
        return session is not None and session.user.is_staff
    finally:
        close_old_connections()


def _session_of_token(header: str) -> Session | None:
    with suppress(InvalidAccessToken):
        return find_session(header.partition(" ")[2])
    return None


def _session_of_cookie(header: str) -> Session | None:
    cookies: SimpleCookie = SimpleCookie()
    with suppress(CookieError):
        cookies.load(header)
    if settings.SESSION_COOKIE_NAME not in cookies:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore
    named = store(cookies[settings.SESSION_COOKIE_NAME].value).get(SESSION_ID)
    return Session.objects.live().select_related("user__client").filter(pk=named).first()
