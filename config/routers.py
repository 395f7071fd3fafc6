"""Which of the installed tables Roster does not have."""

from typing import Any


class NoPermissionTables:
    """Keep `auth_permission` and `auth_group` out: `client_id` says who is an administrator."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        return False if app_label == "auth" else None
