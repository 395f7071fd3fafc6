"""The module that Django loads for `ENGINE = "config.postgresql"`."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error, OperationalError
from psycopg.errors import ConnectionTimeout
from psycopg.pq import TransactionStatus
from typing_extensions import override

from config.postgresql.schema import SchemaEditor

SILENCE = 1  # seconds until a server that did not answer is asked again

silent_until: dict[str, float] = {}  # by alias, in this process; kept while it does not answer


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the server whether a kept connection still works only where something has come in.

    Django's own check is a query before the first of each request: as dear as that itself. A
    server that has gone, restarted or thrown us out has closed the connection, which the kernel
    knows: there is something to be read, as never between two queries else. (One that vanished
    without a word, as in a cut network, would not answer the check either.)
    """

    SchemaEditorClass = SchemaEditor
    answer_timeout: int | None = None  # seconds, for each answer of the server's

    @override
    def close_if_health_check_failed(self) -> None:
        if self.connection is not None and not self.pool and not is_readable(self.connection):
            self.health_check_done = True
        super().close_if_health_check_failed()

    @override
    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        self.answer_timeout = params.pop("answer_timeout", None)  # ours, not libpq's
        return params

    @override
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; while the server does not answer, one at a time waits to see whether it does.

        Or else each request in turn would hold a thread until it has waited itself.
        """
        now, until = time.monotonic(), silent_until.get(self.alias, 0.0)
        if now < until:
            raise OperationalError("the database did not answer a moment ago")
        if until:
            silent_until[self.alias] = now + int(conn_params.get("connect_timeout", 2)) + SILENCE
        try:
            connection = super().get_new_connection(conn_params)
        except ConnectionTimeout:
            silent_until[self.alias] = time.monotonic() + SILENCE
            raise
        except Error:
            silent_until.pop(self.alias, None)  # it has said something
            raise
        silent_until.pop(self.alias, None)
        if self.answer_timeout and not self.pool:
            connection.wait = partial(wait, connection, self.answer_timeout)
        return connection

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


def wait(connection: Connection[Any], seconds: float, generator: Any) -> Any:
    """Wait for an answer as the connection does, but not for ever: end it after `seconds`.

    A server may stand still, on its disk for one, while its machine confirms whatever is sent.
    """
    try:
        return Connection.wait(connection, generator, timeout=seconds)
    except OperationalError:
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:  # still no answer
            connection.pgconn.finish()
        raise


def is_readable(connection: Any) -> bool:
    """Tell whether something has come in on the connection, or it is closed."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
