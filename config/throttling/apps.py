"""The counters as an app of their own, for their table."""

from django.apps import AppConfig


class ThrottlingConfig(AppConfig):
    name = "config.throttling"
    label = "throttling"
    verbose_name = "Throttling"
