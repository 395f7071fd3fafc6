"""The service itself as an app, for its checks."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from typing_extensions import override

from config.exposure import check_files


class RosterConfig(AppConfig):
    name = "config"

    @override
    def ready(self) -> None:
        register(check_files, Tags.security, deploy=True)
