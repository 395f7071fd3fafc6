"""How long a request may keep the database, by the sessions that PostgreSQL opens for requests."""

from collections.abc import Mapping
from typing import Any

# Of a request that holds rows and asks nothing more: its process is stopped, or its machine gone.
IDLE_SECONDS = 60


def limit_statements(databases: Mapping[str, dict[str, Any]], seconds: int) -> None:
    """Let PostgreSQL end what takes longer, waiting for locks included; 0 leaves it to the server.

    For connections made from now on. The limits travel as a start-up parameter, `options`: no round
    trip more, and `RESET` keeps them. A pooler in transaction mode takes none (its connections
    serve others, too): 0 there, and a limit of the role or of the pooler.
    """
    if not seconds:
        return
    limits = {
        "statement_timeout": f"{seconds}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    }
    added = [f"-c {name}={limit}" for name, limit in limits.items()]
    for database in databases.values():
        if database["ENGINE"] == "config.postgresql":
            options = database["OPTIONS"]
            # What the address itself says comes last, and wins.
            options["options"] = " ".join([*added, options.get("options", "")]).strip()
