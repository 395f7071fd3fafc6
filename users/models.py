"""The accounts and their logins."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from typing_extensions import override

from clients.models import Client
from clients.names import NameField
from users import counts
from users.emails import MAX_LENGTH as MAX_EMAIL_LENGTH, EmailField, clean_email
from users.managers import MailManager, SessionManager, UserManager

STATUSES = counts.STATUSES
INACTIVE = Q(active=False)
INVITED = Q(active=True, password__startswith=UNUSABLE_PASSWORD_PREFIX)


def may_enter(active: bool, client: Client | None) -> bool:
    """Tell whether a user like this may get in: they and their client are active."""
    return active and (client is None or client.active)


class User(AbstractBaseUser):
    """A person; without client they are an administrator. There are no other roles."""

    name = NameField()
    email = EmailField(
        unique=True, error_messages={"unique": "A user with this email already exists."}
    )
    password = models.CharField("password digest", max_length=255, db_column="password_digest")
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        related_name="users",
        db_index=False,  # `users_client` begins with it
        null=True,
        blank=True,
        help_text="Empty makes an administrator.",
    )
    active = models.BooleanField(default=True, help_text="Whether they may log in.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_login_at = models.DateTimeField("last login", null=True, blank=True, editable=False)
    last_login = None  # Django's own name for `last_login_at`

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "users"
        ordering = ("id",)
        # With the id, because ties go by it. Each costs every query of users: see migration 0008.
        indexes = (
            models.Index(fields=("last_login_at", "id", "active"), name="users_last_login"),
            models.Index(fields=("name", "id"), name="users_name"),
            models.Index(fields=("created_at", "id"), name="users_created"),
            models.Index(fields=("client_id", "id"), name="users_client"),
            models.Index("id", name="users_administrators", condition=Q(client__isnull=True)),
            models.Index("id", name="users_inactive", condition=INACTIVE),
            models.Index("id", name="users_invited", condition=INVITED),
            *(
                models.Index(fields=(column, "id"), name=f"users_{few}_{name}", condition=condition)
                for few, condition in (("inactive", INACTIVE), ("invited", INVITED))
                for column, name in (("created_at", "created"), ("last_login_at", "last_login"))
            ),
        )
        # And, made by migrations alone: those by the last login, descending, whose NULLs each
        # database names in its own way; `users_search` on PostgreSQL, where one could be made.
        constraints = (
            models.CheckConstraint(condition=Q(email=Lower("email")), name="users_email_lower"),
            models.CheckConstraint(condition=~Q(email=""), name="users_email_not_empty"),
            models.CheckConstraint(condition=~Q(name=""), name="users_name_not_empty"),
        )

    @override
    def __str__(self) -> str:
        return str(self.email)

    @property
    def is_administrator(self) -> bool:
        return self.client_id is None

    @property
    @override
    def is_active(self) -> bool:  # type: ignore[override] # an attribute in Django, a rule here
        """Tell whether they may get in."""
        return may_enter(self.active, self.client)

    @property
    def status(self) -> str:
        """Return `inactive`, `invited` (no password yet) or `active`, whatever their client is."""
        if not self.active:
            return "inactive"
        if hasattr(self, "password_mark"):  # how the digest begins: no more of it was loaded
            return "invited" if self.password_mark == UNUSABLE_PASSWORD_PREFIX else "active"
        return "active" if self.has_usable_password() else "invited"

    @property
    def is_staff(self) -> bool:
        """Tell whether Django's admin site lets them in."""
        return self.is_administrator and self.is_active

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def state(self) -> tuple[object, ...]:
        """Return what the entity tag is made of: all but the last login and the digest itself."""
        client = self.client and (self.client.pk, self.client.name)
        row = (self.pk, self.name, self.email, self.active, self.created_at, self.updated_at)
        return (*row, client)

    @staticmethod
    def canonical_email(email: str) -> str:
        """Return the stored spelling; of what is no address the empty text, which is nobody's."""
        try:
            return clean_email(email)
        except ValidationError:
            return ""

    @classmethod
    @override
    def normalize_username(cls, username: str) -> str:
        return cls.canonical_email(username)


class Session(models.Model):
    """One login. Its row is what makes its tokens valid: no row, no access.

    Tokens are not stored. The present refresh token carries `refresh_id`; the one spent last
    carried `spent_id` and was spent at `refreshed_at`. A log-in to the admin site is a session too.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    refreshed_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    refresh_id = models.UUIDField(default=uuid.uuid4)
    spent_id = models.UUIDField(null=True)
    user_agent = models.CharField(max_length=255, blank=True)
    address = models.GenericIPAddressField(null=True)
    wrote_at = models.DateTimeField(null=True, editable=False)  # last; by the API, see `note_write`

    objects = SessionManager()

    class Meta:
        db_table = "sessions"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("refreshed_at")), name="sessions_expire_later"
            ),
        )

    @override
    def __str__(self) -> str:
        return f"Session {self.pk}"

    def note_write(self) -> None:
        """Keep the caller's lists from a replica that may not have what they have just done.

        Once a second is enough: `config.replica` allows more for clocks that differ. A statement on
        its own, so that it waits for others' locks while holding none.
        """
        now = timezone.now()
        if self.wrote_at is None or now - self.wrote_at > timedelta(seconds=1):
            Session.objects.filter(pk=self.pk).update(wrote_at=now)


class LinkCutoff(models.Model):
    """The links mailed to a user before this moment are dead; who has no row never needed one."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="link_cutoff"
    )
    at = models.DateTimeField()

    class Meta:
        db_table = "link_cutoffs"

    @override
    def __str__(self) -> str:
        return f"{self.user_id} {self.at}"


class Mail(models.Model):
    """One mail to a user. Its text is made when it is sent, so that no row holds a secret.

    Without `user`, whoever has the address `recipient` at that time is meant, if anybody has.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        OBSOLETE = "obsolete"  # what it speaks of was over before it could be sent
        FAILED = "failed"  # given up

    kind = models.CharField(max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mails", null=True)
    recipient = models.CharField(max_length=MAX_EMAIL_LENGTH)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=255, blank=True)

    objects = MailManager()

    class Meta:
        db_table = "mails"
        ordering = ("-id",)
        indexes = (
            models.Index("due_at", "id", name="mails_waiting", condition=Q(state="waiting")),
            models.Index("id", name="mails_failed", condition=Q(state="failed")),
            models.Index("recipient", "kind", name="mails_recipient"),
        )

    @override
    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"


class Import(models.Model):
    """A file of users on its way in: rehearsed by the worker, written when an operator says so.

    `user` is who brought it, and in whose name it is written; `address` and `request_id` are where
    they said so from, for the audit trail.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for the worker"
        REHEARSING = "rehearsing", "being rehearsed"
        REHEARSED = "rehearsed", "rehearsed, nothing written"
        CONFIRMED = "confirmed", "confirmed, waiting for the worker"
        WRITING = "writing", "being written"
        DONE = "done", "done"
        REFUSED = "refused", "refused, nothing written"
        BROKEN_OFF = "broken_off", "broken off"  # what was written before is in the trail
        DISCARDED = "discarded", "discarded, nothing written"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="imports")
    filename = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    on_refusal = models.CharField(max_length=8, blank=True)  # "stop" or "skip", once confirmed
    address = models.TextField(blank=True)
    request_id = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(default=timezone.now)  # when the worker last gave a sign of life
    attempts = models.PositiveIntegerField(default=0)  # and so which run it is that speaks
    rows_done = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField(null=True)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    ignored_columns = models.TextField(blank=True)
    error = models.TextField(blank=True)  # why the whole file was refused

    class Meta:
        db_table = "imports"
        ordering = ("-id",)

    @override
    def __str__(self) -> str:
        return str(self.filename)

    @property
    def is_running(self) -> bool:
        """Tell whether a worker is at it, or is to be."""
        state = self.State
        return self.state in (state.WAITING, state.REHEARSING, state.CONFIRMED, state.WRITING)


class ImportFile(models.Model):
    """What was uploaded, until it is written or discarded, and the report of the last run.

    Apart from `Import`, whose progress is written every second: SQLite rewrites whole rows.
    """

    of = models.OneToOneField(
        Import, on_delete=models.CASCADE, primary_key=True, related_name="file"
    )
    content = models.BinaryField(null=True)
    report = models.BinaryField(null=True)  # CSV
    refusals = models.JSONField(default=list)  # the first of them: [[row, column, detail], …]

    class Meta:
        db_table = "import_files"

    @override
    def __str__(self) -> str:
        return f"File of import {self.pk}"
