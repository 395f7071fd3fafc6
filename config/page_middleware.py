"""Django's middleware for sessions, kept off the calls of the API: they have no cookies to read."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest

from config.audit.origin import Door, door_of


class PagesOnly:
    """Mixed in before a middleware, hides from it what comes through the door of the API."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if door_of(request.path_info) is Door.API:
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc] # of what this is mixed into


class PageSessionMiddleware(PagesOnly, SessionMiddleware):
    """Sessions on pages."""


class PageAuthenticationMiddleware(PagesOnly, AuthenticationMiddleware):
    """`request.user` on pages; the API's is the access token's."""


class PageMessageMiddleware(PagesOnly, MessageMiddleware):
    """Messages on pages."""
