"""Who is calling, asked before a request takes what few can have at once.

The application asks once more: here it is decided how a request is served, not what it may do.
"""

from contextlib import suppress
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from django.http import parse_cookie

from users.auth.admin_login import SESSION_ID
from users.auth.authentication import InvalidAccessToken, find_session
from users.models import Session

SITE = "/admin/"


def is_of_administrator(scope: Any) -> bool:
    """Tell whether an administrator is calling; asks the database, so it belongs in a thread."""
    close_old_connections()
    try:
        session = (
            _session_of_cookie(scope.headers.get("cookie", "") or "")
            if scope.path.startswith(SITE)
            else _session_of_token(scope.headers.get("authorization", "") or "")
        )
        return session is not None and session.user.is_staff
    finally:
        close_old_connections()


def _session_of_token(header: str) -> Session | None:
    with suppress(InvalidAccessToken):
        return find_session(header.partition(" ")[2])
    return None


def _session_of_cookie(header: str) -> Session | None:
    cookie = parse_cookie(header).get(settings.SESSION_COOKIE_NAME)
    if cookie is None:
        return None
    named = import_module(settings.SESSION_ENGINE).SessionStore(cookie).get(SESSION_ID)
    return Session.objects.live().select_related("user__client").filter(pk=named).first()
