"""The WSGI application that a server loads."""

import logging
import os
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connections

from config.postgresql.limits import limit_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

if not settings.METRICS_TOKEN:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # or the library counts there

from config.metrics import count_worker_start  # asks the settings


class UTF8Request(WSGIRequest):
    """A request in UTF-8, whatever charset its Content-Type claims.

    Django would decode query and forms with that charset, and parse the header while it makes the
    request, before anything can answer: a codec that is none of text (`rot13`) or a parameter that
    cannot be read would end in an exception in the server's own hands. Unreadable is as if absent.
    """

    # A plain attribute over Django's property, which decodes the query when it is set.
    encoding: str | None = None

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc] # not in the stubs
        except (ValueError, LookupError):
            meta["CONTENT_TYPE"] = ""  # DRF parses it once more
            self.content_type, self.content_params = "", {}
        self.encoding = None


logging.captureWarnings(settings.LOG_FORMAT == "json")  # or Python prints them as they are
application = get_wsgi_application()
application.request_class = UTF8Request
count_worker_start()
# Here and not in the settings: commands that build an index or migrate take as long as they take.
limit_statements(connections.settings, settings.STATEMENT_TIMEOUT)
