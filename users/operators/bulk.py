"""Bulk actions on users. What is dangerous asks first, with numbers; each user has their event."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from config.audit.events import Event
from config.operators.questions import and_trail, ask_about_rows, counted, is_confirmed
from users.admission import invite_users, send_resets
from users.lifecycle import LastAdministrator, end_sessions, set_active
from users.managers import UserQuerySet
from users.models import User
from users.operators import consequences
from users.operators.acts import actor_of
from users.operators.consequences import people

LOGGED = 1000  # rows of Django's history an INSERT


def note(request: HttpRequest, users: Iterable[User], changed: str) -> None:
    """Write Django's history, in parts: a list of 100,000 is no parameter of one query."""
    part: list[User] = []
    for user in users:
        part.append(user)
        if len(part) == LOGGED:
            _note_part(request, part, changed)
            part = []
    _note_part(request, part, changed)


def _note_part(request: HttpRequest, users: list[User], changed: str) -> None:
    actor_id = actor_of(request).pk
    LogEntry.objects.log_actions(actor_id, users, CHANGE, [{"changed": {"fields": [changed]}}])


class BulkActs:
    """The actions of `UserAdmin`: functions of a request and the users chosen.

    Before they are confirmed, the users are counted by the database, never loaded.
    """

    actions: Any = ("invite", "send_resets", "activate", "deactivate", "end_sessions")
    message_user: Any  # `ModelAdmin` has it

    @admin.action(description="Send selected users a new invitation", permissions=["change"])
    def invite(self, request: HttpRequest, users: UserQuerySet) -> HttpResponse | None:
        if asked := self._ask_about_mails(request, users, "invited", "a new invitation"):
            return asked
        number = users.count()
        with transaction.atomic():
            invited = invite_users(users, actor=actor_of(request))
            note(request, invited, "Invitation")
        self._tell(request, f"Invitations sent: {len(invited)}.", Event.INVITATION_SENT)
        self._tell_left_out(request, number - len(invited), "they are inactive or have a password")
        return None

    @admin.action(
        description="Send selected users a link for a new password", permissions=["change"]
    )
    def send_resets(self, request: HttpRequest, users: UserQuerySet) -> HttpResponse | None:
        if asked := self._ask_about_mails(request, users, "active", "a link for a new password"):
            return asked
        number = users.count()
        with transaction.atomic():
            sent = send_resets(users, actor=actor_of(request))
            note(request, sent, "Password reset")
        self._tell(
            request, f"Links for a new password sent: {len(sent)}.", Event.PASSWORD_RESET_REQUESTED
        )
        why = "they are not active, have no password, or had too many such mails lately"
        self._tell_left_out(request, number - len(sent), why)
        return None

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, users: UserQuerySet) -> None:
        with transaction.atomic():
            changing = list(users.filter(active=False).select_related(None).only("email"))
            count = set_active(users, True, actor=actor_of(request))
            note(request, changing, "Active")
        self._tell(request, f"Users activated: {count}.", Event.USER_ACTIVATED)

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: UserQuerySet) -> HttpResponse | None:
        changing = bare(users).active()
        number = changing.count()
        if number and consequences.is_last_administrator(changing):
            self._refuse(request, LastAdministrator())
            return None
        if number and not is_confirmed(request, changing):
            return ask_about_rows(
                request,
                self,
                changing,
                title=f"Deactivate {counted(number, 'user')}",
                consequences=consequences.of_bulk_deactivation(
                    changing, number, actor=actor_of(request)
                ),
            )
        ended = changing.live_sessions().count()
        try:
            with transaction.atomic():
                noted = list(changing.only("email"))
                count = set_active(users, False, actor=actor_of(request))
                note(request, noted, "Active")
        except LastAdministrator as refusal:  # by another request since
            self._refuse(request, refusal)
        else:
            said = f"Users deactivated: {count}."
            said += f" Sessions ended: {ended}." if ended else ""
            self._tell(request, said, Event.USER_DEACTIVATED)
        return None

    @admin.action(description="End all sessions of selected users", permissions=["change"])
    def end_sessions(self, request: HttpRequest, users: UserQuerySet) -> HttpResponse | None:
        chosen = bare(users)
        sessions = chosen.live_sessions()
        number = chosen.count() if sessions.exists() else 0
        if number and not is_confirmed(request, chosen):
            return ask_about_rows(
                request,
                self,
                chosen,
                title=f"End all sessions of {counted(number, 'user')}",
                consequences=consequences.of_bulk_end(chosen, number, actor=actor_of(request)),
            )
        with transaction.atomic():
            with_one = User.objects.filter(pk__in=sessions.order_by().values("user"))
            noted = list(with_one.only("email").order_by("pk"))
            count = end_sessions(sessions, actor=actor_of(request))
            note(request, noted, "Sessions")
        self._tell(request, f"Sessions ended: {count}.", Event.SESSIONS_ENDED)
        return None

    def _ask_about_mails(
        self, request: HttpRequest, users: UserQuerySet, status: str, what: str
    ) -> HttpResponse | None:
        receiving = bare(users).with_status(status).exclude(client__active=False)
        number = receiving.count()
        if not number or is_confirmed(request, receiving):
            return None
        said = f"{people(number)} {'gets' if number == 1 else 'get'} a mail with {what}."
        return ask_about_rows(
            request, self, receiving, title=f"Mail {people(number)}", consequences=[said]
        )

    def _tell(self, request: HttpRequest, text: str, event: Event) -> None:
        told = and_trail(text, event=event.value, user=actor_of(request).pk)
        self.message_user(request, told, messages.SUCCESS)

    def _tell_left_out(self, request: HttpRequest, number: int, why: str) -> None:
        if number:
            self.message_user(request, f"Left out, as {why}: {number}.", messages.WARNING)

    def _refuse(self, request: HttpRequest, refusal: LastAdministrator) -> None:
        self.message_user(request, f"{refusal.detail} Nothing was changed.", messages.ERROR)


def bare(users: UserQuerySet) -> UserQuerySet:
    """Return these users without what the list has joined and ordered."""
    found: UserQuerySet = User.objects.filter(pk__in=users.order_by().values("pk"))
    return found
