"""`manage.py changepassword`: Django's own, and what a new password does everywhere else."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from typing_extensions import override

from users.lifecycle import set_password
from users.models import User

TRIES = 3


class Command(changepassword.Command):
    """Ask for a password as Django does; save it alone, and end the sessions opened before.

    Django's saves the whole row as it was before somebody began to type, and would undo a
    deactivation of that minute.
    """

    help = "Change a user's password and end all their sessions."

    @override
    def handle(self, *args: Any, **options: Any) -> str:
        email = User.canonical_email(options["username"] or "")
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"There is no user with the email {email!r}.")
        self.stdout.write(f"Changing the password of {user}.")
        set_password(user, self.ask(user), actor=None)
        return f"Password of {user} changed; all their sessions have ended."

    def ask(self, user: User) -> str:
        """Return a password typed twice and good enough; `CommandError` after three tries."""
        for _ in range(TRIES):
            password = getpass.getpass("Password: ")
            if password != getpass.getpass("Password (again): "):
                self.stderr.write("The two passwords differ.")
                continue
            try:
                validate_password(password, user)
            except ValidationError as fault:
                self.stderr.write("\n".join(fault.messages))
                continue
            return password
        raise CommandError(f"Nothing was changed after {TRIES} tries.")
