"""The rows of the trail."""

from django.db import models
from django.utils import timezone
from typing_extensions import override


class AuditEvent(models.Model):
    """One act. Ids are kept as numbers: the trail outlives what it speaks of."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    event = models.CharField(max_length=64)
    actor_id = models.BigIntegerField(null=True)
    actor_email = models.CharField(max_length=254, blank=True)
    target_type = models.CharField(max_length=16, blank=True)
    target_id = models.BigIntegerField(null=True)
    changes = models.JSONField(default=dict)
    details = models.JSONField(default=dict)
    door = models.CharField(max_length=16)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "audit_events"
        ordering = ("-id",)

    @override
    def __str__(self) -> str:
        return f"{self.event} {self.pk}"
