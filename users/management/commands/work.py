"""`manage.py work`: the worker that does what no request should wait for."""

import logging
from threading import Event

from django.db import InterfaceError, OperationalError, connection
from typing_extensions import override

from users.imports import run_next
from users.management.commands import send_mails

log = logging.getLogger("roster.imports")


class Command(send_mails.Command):
    """Send mails and run imports until SIGTERM; any number of these may run."""

    help = "Send the mails of the outbox and run imports, again and again until stopped."

    @override
    def send_once(self) -> None:
        while run_next():
            pass
        super().send_once()

    @override
    def send_round(self, stop: Event) -> float:
        """Mails first: somebody waits for a link; then one import at most."""
        pause = super().send_round(stop)
        try:
            return 0 if run_next() else pause
        except (OperationalError, InterfaceError) as fault:
            log.error("database unavailable: %s", type(fault).__name__)  # noqa: TRY400 # no trace each time
            connection.close()
            return send_mails.PATIENCE
