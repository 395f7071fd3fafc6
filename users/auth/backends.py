"""How Django's own login form, the admin site's, finds a user."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from typing_extensions import override

from config.throttling.limits import network_of
from users.auth.credentials import check_credentials
from users.models import User


class EmailBackend(BaseBackend):
    """Log in by email; grants no permissions of its own, `User.has_perm` says it all."""

    @override
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the user; `kept_digest` on them is what `open_session` is to keep."""
        checked = check_credentials(username or "", password or "", address=network_of(request))
        if checked is None:
            return None
        user, digest = checked
        user.kept_digest = digest  # type: ignore[attr-defined] # no field: for this request alone
        return user

    @override
    def get_user(self, user_id: int) -> User | None:
        user = User.objects.select_related("client").filter(pk=user_id).first()
        return user if user and user.is_active else None
