"""The counters' table, used where there is no `CACHE_URL`."""

from django.db import models
from typing_extensions import override


class Counter(models.Model):
    """Failures in one window, `pending` of them not yet decided; times in ms since 1970."""

    key = models.CharField(max_length=65, primary_key=True)  # a digest: no email, no address
    count = models.PositiveIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    expires_at = models.BigIntegerField(default=0, db_index=True)

    class Meta:
        db_table = "throttling_counters"

    @override
    def __str__(self) -> str:
        return self.key
