"""The outbox in the admin site: what was sent to whom, without its text."""

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from clients.admin import VerbAdmin
from users.managers import MailQuerySet
from users.models import Mail


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
        failed = mails.filter(state=Mail.State.FAILED)
        now = timezone.now()
        count = failed.update(state=Mail.State.WAITING, attempts=0, due_at=now, created_at=now)
        self.message_user(request, f"Mails to be sent again: {count}.", messages.SUCCESS)
