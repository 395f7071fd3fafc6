"""Which of the installed tables Roster does not make."""

from typing import Any

from config.replica import REPLICA


class NoPermissionTables:
    """Keep `auth_permission` and `auth_group` out: `client_id` says who is an administrator.

    And keep migrations off a replica, whose tables come from the primary.
    """

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        return False if app_label == "auth" or db == REPLICA else None
