"""The audit trail as an app of its own, for its tables and commands."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "config.audit"
    label = "audit"
    verbose_name = "Audit trail"
