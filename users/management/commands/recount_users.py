"""`manage.py recount_users`: the numbers of users anew, as after loading a dump."""

from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from users.counts import UserCount, said


class Command(BaseCommand):
    """Recount in one transaction, while nobody writes users."""

    help = (
        "Count the users anew. Triggers keep the numbers that lists and the start page show; who "
        "loads users together with user_counts and user_blocks has them counted twice."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        wrong = UserCount.objects.recount()
        self.stdout.write(f"Counts corrected: {said(wrong)}." if wrong else "Counts were right.")
