"""The rows of the trail, and of the lanes that chain them.

Not managed by Django: `manage.py flush` and Django's `TransactionTestCase` empty every managed
table. The trail must outlive the first, and its triggers would refuse both. The migrations make the
tables all the same. When Django rebuilds a table on SQLite its triggers are lost: a migration that
alters one of these must make them again after it.
"""

from django.db import models
from django.utils import timezone
from typing_extensions import override


class AuditLane(models.Model):
    """One of the chains that events are appended to; several, so that log-ins do not wait.

    `seal` is over all the other columns: what was not written by Roster shows.
    """

    number = models.SmallIntegerField(primary_key=True)
    length = models.BigIntegerField(default=0)  # the number of the last event
    head = models.TextField(blank=True, default="")  # the mac of the last event
    base_number = models.BigIntegerField(default=0)  # the last event that was pruned
    base_mac = models.TextField(blank=True, default="")
    seal = models.TextField()

    class Meta:
        db_table = "audit_lanes"
        managed = False

    @override
    def __str__(self) -> str:
        return f"lane {self.number}"


class AuditEvent(models.Model):
    """One act. No foreign keys: the trail outlives what it speaks of.

    Times aside, everything is a number or text: what is sealed is what is read back, whatever the
    database.
    """

    lane = models.SmallIntegerField()
    number = models.BigIntegerField()  # 1 and so on within the lane
    at = models.DateTimeField(default=timezone.now)
    event = models.TextField()  # one of config.audit.events
    actor_id = models.BigIntegerField(null=True)
    actor = models.TextField(blank=True)  # the email they had
    target_type = models.TextField(blank=True)  # "user", "client", or nothing
    target_id = models.BigIntegerField(null=True)
    target = models.TextField(blank=True)  # the email or name it had
    door = models.TextField()  # one of config.audit.origin
    address = models.TextField(blank=True)
    request_id = models.TextField(blank=True)
    changes = models.TextField()  # JSON: {field: [before, after]}
    details = models.TextField()  # JSON: an object
    previous = models.TextField(blank=True)  # the mac of the event before in the lane
    mac = models.TextField()

    class Meta:
        db_table = "audit_events"
        managed = False
        ordering = ("-id",)
        verbose_name = "audit event"
        constraints = (
            models.UniqueConstraint(fields=("lane", "number"), name="audit_events_lane_number"),
            # SQLite's triggers are told -1 where an id is still to be chosen.
            models.CheckConstraint(condition=models.Q(id__gt=0), name="audit_events_id_positive"),
        )
        indexes = (
            models.Index(fields=("target_type", "target_id", "id"), name="audit_events_target"),
            models.Index(fields=("actor_id", "id"), name="audit_events_actor"),
            models.Index(fields=("at",), name="audit_events_at"),
            models.Index(fields=("event", "at"), name="audit_events_event"),
            models.Index(fields=("door", "at"), name="audit_events_door"),
        )

    @override
    def __str__(self) -> str:
        return f"{self.event} {self.pk}"
