"""What tests do with mails: send what waits, and read it as its receiver would."""

import re
import socket
from typing import Any

from django.core import mail

from users.mail.delivery import send_due
from users.models import Mail


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def delivered() -> list[Any]:
    """Send what is due, and return it: `.to`, `.subject`, `.body`, `.alternatives`."""
    already = len(mail.outbox)
    send_due()
    return list(mail.outbox[already:])


def waiting() -> list[tuple[str, str]]:
    """Return `(kind, recipient)` of what waits, oldest first."""
    return list(Mail.objects.waiting().order_by("pk").values_list("kind", "recipient"))


def token_in(message: Any) -> str:
    """Return the token of the one link in a mail's text."""
    (token,) = re.findall(
        r"^https?://\S+/(?:invitation|password/reset)/(\S+)$", message.body, re.MULTILINE
    )
    return str(token)
