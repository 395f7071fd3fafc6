"""A real SMTP server on loopback."""

import email
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from django.conf import LazySettings

from tests.mails import free_port


class Mailboxes:
    """Keeps what it is sent; answers `replies` first, by recipient or as a whole."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refused: dict[str, str] = {}
        self.data_reply = ""

    async def handle_RCPT(  # noqa: N802 # the library's name
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 # so too
        if self.data_reply:
            return self.data_reply
        message = email.message_from_bytes(envelope.content, policy=default)
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def smtp_port() -> int:
    return free_port()


@pytest.fixture
def no_server(settings: LazySettings, smtp_port: int) -> None:
    """Mail goes to a port where nobody listens."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = smtp_port


@pytest.fixture
def mailboxes(no_server: None, smtp_port: int) -> Iterator[Mailboxes]:
    kept = Mailboxes()
    server = Controller(kept, hostname="127.0.0.1", port=smtp_port)
    server.start()
    yield kept
    server.stop()
