"""How long a request may keep the database, by the sessions that PostgreSQL opens for requests."""

from collections.abc import Mapping
from typing import Any

# Of a request that holds rows and asks nothing more: its process is stopped, or its machine gone.
IDLE_SECONDS = 60


def limit_statements(databases: Mapping[str, dict[str, Any]], seconds: int) -> None:
    """Let PostgreSQL end what takes longer, waiting for locks included; 0 leaves it to the server.

    For connections made from now on. The limits travel as a start-up parameter, `options`: no round
    trip more, and `RESET` keeps them. A pooler in transaction mode takes none, as its connections
    serve others, too: where the settings know of it (no cursors of the server's) none is sent, and
    the role or the pooler must have the limit.

    A server that stands still ends nothing: whoever has heard nothing for twice as long gives up.
    """
    if not seconds:
        return
    limits = {
        "statement_timeout": f"{seconds}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    }
    added = [f"-c {name}={limit}" for name, limit in limits.items()]
    for database in databases.values():
        if database["ENGINE"] != "config.postgresql":
            continue
        options = database["OPTIONS"]
        options.setdefault("answer_timeout", 2 * seconds)
        if not database.get("DISABLE_SERVER_SIDE_CURSORS", False):
            # What the address itself says comes last, and wins.
            options["options"] = " ".join([*added, options.get("options", "")]).strip()
