"""How users look in lists and at the head of their page."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clients.models import Client
from config.operators.looks import badge
from users.models import User


def role_badge(user: User) -> SafeString:
    return badge("administrator" if user.is_administrator else "regular")


def status_badge(user: User) -> SafeString:
    """Return the status, and that the client is inactive, which keeps them out just as well."""
    own = badge(user.status)
    if user.client is None or user.client.active:
        return own
    return format_html("{} {}", own, badge("inactive", "Client inactive"))


def client_link(client: Client | None) -> SafeString | str:
    if client is None:
        return ""
    url = reverse("admin:clients_client_change", args=(client.pk,))
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, client.name)
