"""`manage.py send_mails`: the worker that sends what is in the outbox."""

import logging
import signal
import time
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from typing_extensions import override

from users.counts import UserCount
from users.mail.delivery import ServerAway, send_due

log = logging.getLogger("roster.mail")

POLL = 2.0  # seconds between looks into the outbox
ROUND = 10.0  # seconds of sending, then other work has its turn
PATIENCE = 15.0  # seconds, while the mail server or the database is away


class Command(BaseCommand):
    """Send until SIGTERM; any number of these may run, each mail is taken by one of them."""

    help = "Send the mails of the outbox, again and again until stopped."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="send what is due now, print how many, and stop"
        )

    @override
    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            self.send_once()
            return
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(self.send_round(stop)):
            close_old_connections()

    def send_once(self) -> None:
        try:
            self.stdout.write(f"Mails sent: {send_due()}.")
        except ServerAway as fault:
            raise CommandError(f"The mail server is away, nothing is lost: {fault}") from None

    def send_round(self, stop: Event) -> float:
        """Send what is due for a while; return after how many seconds to look again."""
        end = time.monotonic() + ROUND
        try:
            UserCount.objects.fold()
            send_due(lambda: stop.is_set() or time.monotonic() > end)
        except ServerAway as fault:
            log.warning("mail server away: %s", fault)
            return PATIENCE
        except (OperationalError, InterfaceError) as fault:
            log.error("database unavailable: %s", type(fault).__name__)  # noqa: TRY400 # no trace each time
            connection.close()
            return PATIENCE
        return 0 if time.monotonic() > end else POLL
