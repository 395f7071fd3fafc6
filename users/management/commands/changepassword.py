"""`manage.py changepassword`: Django's own, and what a new password does everywhere else."""

from typing import Any

from django.contrib.auth.management.commands import changepassword
from typing_extensions import override

from users.models import User


class Command(changepassword.Command):
    """Change a password, end the sessions opened with the one before."""

    help = "Change a user's password and end all their sessions."

    @override
    def handle(self, *args: Any, **options: Any) -> str | None:
        email = User.canonical_email(options["username"] or "")
        message = super().handle(*args, **{**options, "username": email or None})
        # No transaction around both: it would stay open while somebody types.
        User.objects.using(options["database"]).filter(email=email).end_sessions()
        return message
