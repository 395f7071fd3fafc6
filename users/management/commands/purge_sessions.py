"""`manage.py purge_sessions`: delete rows that are over: sessions, counters, mails, imports."""

from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from config.throttling.stores import now_ms, purge as purge_counters
from users.counts import UserCount
from users.imports import purge as purge_imports
from users.lifecycle import purge_sessions
from users.mail.delivery import purge as purge_mails

BATCH = 500  # rows a transaction: so few that a log-in on SQLite hardly waits


class Command(BaseCommand):
    """Purge batch by batch; whatever stops it, the batches before are done."""

    help = "Delete expired sessions, ended counters, old mails and imports. Safe while serving."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        total, count = 0, BATCH
        while count == BATCH:
            count = purge_sessions(limit=BATCH)
            total += count
        while purge_counters(now=now_ms(), limit=BATCH) == BATCH:
            pass
        while purge_mails(limit=BATCH) == BATCH:
            pass
        UserCount.objects.fold()
        while purge_imports(limit=BATCH) == BATCH:
            pass
        self.stdout.write(f"Expired sessions purged: {total}.")
