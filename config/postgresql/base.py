"""The module that Django loads for `ENGINE = "config.postgresql"`."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from typing_extensions import override


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the server whether a kept connection still works only where something has come in.

    Django's own check is a query before the first of each request: as dear as that itself. A
    server that has gone, restarted or thrown us out has closed the connection, which the kernel
    knows: there is something to be read, as never between two queries else. (One that vanished
    without a word, as in a cut network, would not answer the check either.)
    """

    @override
    def close_if_health_check_failed(self) -> None:
        if self.connection is not None and not self.pool and not is_readable(self.connection):
            self.health_check_done = True
        super().close_if_health_check_failed()

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Let what is executed inside be parsed and planned once a connection.

        Only inside: from the sixth time on the plan is one for any values, which for a search or a
        time is a bad one. Nothing is prepared with `server_side_binding=false` in the URL.
        """
        self.ensure_connection()
        connection: Any = self.connection
        before, connection.prepare_threshold = connection.prepare_threshold, 0
        try:
            yield
        finally:
            connection.prepare_threshold = before


def is_readable(connection: Any) -> bool:
    """Tell whether something has come in on the connection, or it is closed."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
