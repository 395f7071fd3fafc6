"""Answers with all users in a file: few at a time, in threads that serve nobody else at once.

Each may take a minute. They are told apart by their head alone: a request may look like one and be
refused by the application. Whom it would refuse at once, `config.callers` knows, takes no turn.
"""

from typing import Any

from config.api.errors import Busy
from config.turns import Turns
from users.transfer.exporting import CSV_TYPE

AT_ONCE = 2  # of a worker
MOST_WAITING = 16

API_PATH = "/users"
SITE_PATHS = ("/admin/users/user/export.csv", "/admin/users/user/export.xlsx")
MEDIA_TYPES = (CSV_TYPE, "text/*")  # of which `Accept` must name one


class Exporting(Busy):
    """503: others have had their files made for longer than anybody would wait."""

    default_detail = "Other files are being exported. Try again in a minute."
    wait = 60


def is_export(scope: Any) -> bool:
    """Tell whether a request asks for a file of users."""
    if scope.method != "GET":
        return False
    path = scope.path.removesuffix("/")
    if path != API_PATH:
        return path in SITE_PATHS
    accepts = [value.lower() for name, value in scope.headers.items() if name == "accept"]
    return any(media_type in accept for accept in accepts for media_type in MEDIA_TYPES)


exporting = Turns(AT_ONCE, MOST_WAITING, fault=Exporting, is_hashing=False)
