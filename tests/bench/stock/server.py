"""The server that Roster has, in its WSGI mode: `python -m tests.bench.stock.server PORT`."""

import os
import sys

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from granian import Granian
from granian.constants import HTTPModes, Interfaces

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.stock.settings"
application: WSGIHandler = get_wsgi_application()


def main() -> None:
    Granian(
        "tests.bench.stock.server:application",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=int(os.environ["WEB_WORKERS"]),
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
