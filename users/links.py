"""The links in mails: no token is stored, the account's own state makes and ends them."""

import re
from datetime import timedelta

from django.conf import settings
from django.core import signing

from config.api.routing import MAX_ID
from users.managers import RESET_LIFETIME, UserQuerySet
from users.models import User

TOKEN = re.compile(r"([1-9][0-9]{0,18}):[A-Za-z0-9]{1,8}:[A-Za-z0-9_-]{43}\Z")
MAX_TOKEN_LENGTH = 128


class Link:
    """A kind of link. Its token is good for `lifetime`, while the account's state stays as it is.

    The token is `id:time:signature` (HMAC-SHA256). The signature covers the digest of the password,
    the email, and the user's `LinkCutoff`, which moves with another address, with deactivation and
    activation (of the client, too), with another role, and with a new invitation: each ends the
    links of before.
    """

    def __init__(self, purpose: str, *, path: str, lifetime: timedelta, status: str) -> None:
        self.purpose = purpose
        self.path = path
        self.lifetime = lifetime
        self.status = status  # of whom it is for

    def url(self, user: User) -> str:
        """Return the link with a new token; only the owner of the mailbox may see it."""
        return f"{settings.LINK_ORIGIN}{self.path}/{self.token(user)}"

    def token(self, user: User) -> str:
        return self._signer(user).sign(str(user.pk))

    def read(self, token: str, users: UserQuerySet) -> User | None:
        """Return the one of `users` whose token this is and who may use it; None for any other."""
        match = TOKEN.match(token)
        if match is None or int(match[1]) > MAX_ID:
            return None
        user = users.select_related("client", "link_cutoff").filter(pk=int(match[1])).first()
        try:  # for nobody too: which ids there are is nobody's to time
            self._signer(user or User()).unsign(token, max_age=self.lifetime)
        except signing.BadSignature:  # an expired one, too
            return None
        return user if user and self.is_open_to(user) else None

    def is_open_to(self, user: User) -> bool:
        return user.is_active and user.status == self.status

    def _signer(self, user: User) -> signing.TimestampSigner:
        cutoff = getattr(user, "link_cutoff", None)
        moved = cutoff.at.isoformat() if cutoff else ""
        state = "\0".join(("roster.links", self.purpose, moved, user.password, user.email))
        return signing.TimestampSigner(salt=state)


INVITATION = Link("invitation", path="/invitation", lifetime=timedelta(days=7), status="invited")
PASSWORD_RESET = Link(
    "password_reset", path="/password/reset", lifetime=RESET_LIFETIME, status="active"
)
