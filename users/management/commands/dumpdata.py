"""`manage.py dumpdata`: Django's, without what is counted again while users are loaded."""

from typing import Any

from django.core.management.commands import dumpdata
from typing_extensions import override

from users.counts import UserBlock, UserCount


class Command(dumpdata.Command):
    """Leave out the counts: `loaddata` would add them to those that the triggers make."""

    @override
    def handle(self, *app_labels: str, **options: Any) -> None:
        options["exclude"] = [*options["exclude"], UserCount._meta.label, UserBlock._meta.label]
        super().handle(*app_labels, **options)
