"""The WSGI application that a server loads."""

import os

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class UTF8Request(WSGIRequest):
    """A request whose query is UTF-8 whatever charset the body's Content-Type claims.

    Django would decode the query with that charset while it makes the request, before anything can
    answer; a codec that is none of text (`rot13`) ends in an exception in the server's own hands.
    """

    # A plain attribute over Django's property: setting it no longer reaches `_encoding`.
    encoding: str | None = None


application = get_wsgi_application()
application.request_class = UTF8Request
