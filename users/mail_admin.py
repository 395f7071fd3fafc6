"""The outbox in the admin site: what was sent to whom, without its text."""

from typing import cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest
from typing_extensions import override

from config.operators.verb_admin import VerbAdmin
from users.mail.outbox import retry
from users.managers import MailQuerySet
from users.models import Mail, User


class MailAdmin(VerbAdmin):
    """Mails; what was given up can be tried again."""

    actions = ("retry",)
    fields = (
        "kind",
        "user",
        "recipient",
        "state",
        "attempts",
        "created_at",
        "due_at",
        "sent_at",
        "error",
    )
    list_display = ("created_at", "kind", "recipient", "state", "attempts", "sent_at", "error")
    list_filter = ("state",)
    lookups = ("state__exact",)
    search_fields = ("recipient",)
    search_help_text = "Every word is in the address."

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Mail | None = None) -> bool:
        return False

    @admin.action(description="Try selected failed mails again", permissions=["view"])
    def retry(self, request: HttpRequest, mails: MailQuerySet) -> None:
        with transaction.atomic():
            actor = cast(User, request.user)
            retried = retry(mails, actor=actor)
            noted = [{"changed": {"fields": ["State"]}}]
            LogEntry.objects.log_actions(actor.pk, retried, CHANGE, noted)
        self.message_user(request, f"Mails to be sent again: {len(retried)}.", messages.SUCCESS)
