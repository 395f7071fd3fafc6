"""Queries on users and sessions, and how users come to be."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Left
from django.utils import timezone

from clients.managers import contains_any_case
from config.audit.events import Event
from config.audit.trail import differences, record

ROLES = ("administrator", "regular")
RESET_LIFETIME = timedelta(minutes=30)  # of a link to set a new password


class HasNoPassword(Func):
    """Tell who has only been invited, in the very words of the index that has them.

    Without a parameter: SQLite compares texts before it knows the values.
    """

    template = f"%(expressions)s LIKE '{UNUSABLE_PASSWORD_PREFIX}%%%%' ESCAPE '\\'"
    output_field = models.BooleanField()


if TYPE_CHECKING:
    from users.models import Mail, Session, User  # noqa: F401 # in base classes, as text


class UserQuerySet(models.QuerySet["User"]):
    """Chainable."""

    def active(self) -> "UserQuerySet":
        return self.filter(active=True)

    def administrators(self) -> "UserQuerySet":
        """Keep the users without client; looks at nothing else."""
        return self.filter(client__isnull=True)

    def regular(self) -> "UserQuerySet":
        return self.filter(client__isnull=False)

    def with_role(self, role: str) -> "UserQuerySet":
        """Keep the users whose role this is, one of `ROLES`."""
        return self.administrators() if role == "administrator" else self.regular()

    def with_password(self) -> "UserQuerySet":
        """Keep those who have set a password or been given one; the others are invited at best."""
        return self.exclude(HasNoPassword(F("password")))

    def administering(self) -> "UserQuerySet":
        """Keep who can get in and administer; of them there must always be one."""
        return self.administrators().active().with_password()

    def with_status(self, status: str) -> "UserQuerySet":
        """Keep the users whose `User.status` this is."""
        if status == "inactive":
            return self.filter(active=False)
        active = self.active()
        if status == "active":
            return active.with_password()
        return active.filter(HasNoPassword(F("password")))

    def dormant(self, bound: datetime) -> "UserQuerySet":
        """Keep the active users who have neither logged in nor refreshed a session since `bound`.

        Who never logged in counts from when they were made or last invited.
        """
        never = Q(last_login_at__isnull=True, created_at__lt=bound)
        sessions = apps.get_model("users", "Session")._default_manager
        used = sessions.filter(user=OuterRef("pk"), refreshed_at__gte=bound)
        mails = apps.get_model("users", "Mail")._default_manager
        invited = mails.filter(user=OuterRef("pk"), kind="invitation", created_at__gte=bound)
        unused = self.active().filter(never | Q(last_login_at__lt=bound), ~Exists(used))
        return unused.filter(~Exists(invited))

    def by_last_login(self) -> "UserQuerySet":
        """Put those first who logged in last; of those who never did, those made last."""
        return self.order_by(F("last_login_at").desc(nulls_last=True), "-created_at", "-pk")

    def locked(self) -> "UserQuerySet":
        """Hold the rows until the transaction ends; their clients are read, not held."""
        users = self.select_related("client")
        return users.select_for_update(of=("self",), no_key=True)

    def visible_to(self, actor: Any) -> "UserQuerySet":
        """Keep what `UserPolicy` lets the actor retrieve: everyone, themselves, or nobody."""
        if not actor.is_active:
            return self.none()
        return self.all() if actor.is_administrator else self.filter(pk=actor.pk)

    def shown(self, include: Collection[str]) -> "UserQuerySet":
        """Load what an answer with `include` shows; of the digest one character at most."""
        columns = {"name", "email", "client__name", *include} - {"status"}
        users = self.select_related("client")
        if "status" in include:
            users = users.annotate(password_mark=Left("password", 1))
            columns.add("active")
        return users.only(*columns)

    def matching(self, words: list[str]) -> "UserQuerySet":
        """Keep the users with every word in the name or the email, in any case."""
        users = self
        for word in words:
            in_name = contains_any_case("name", word, self.db)
            users = users.filter(in_name | contains_any_case("email", word, self.db))
        return users

    def end_links(self) -> None:
        """End the links that were mailed to these users; looks only at who can have a live one."""
        cutoffs = apps.get_model("users", "LinkCutoff")
        mails = apps.get_model("users", "Mail")._default_manager
        resets = mails.sent_lately().filter(kind="password_reset", recipient=OuterRef("email"))
        invited = Q(HasNoPassword(F("password")))
        ids = self.order_by("pk").filter(invited | Exists(resets)).values_list("pk", flat=True)
        now = timezone.now()
        cutoffs._default_manager.bulk_create(
            [cutoffs(user_id=user_id, at=now) for user_id in ids],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["user"],
            update_fields=["at"],
        )

    def live_sessions(self) -> "SessionQuerySet":
        """Return the log-ins of these users that can be used."""
        sessions = apps.get_model("users", "Session")._default_manager
        found: SessionQuerySet = sessions.filter(user__in=self.order_by().values("pk")).live()
        return found

    def end_sessions(self, *, but: int | None = None) -> int:
        """End the sessions of these users, except the one with id `but`; return how many."""
        sessions = apps.get_model("users", "Session")._default_manager.filter(user__in=self)
        ended, _ = (sessions if but is None else sessions.exclude(pk=but)).delete()
        return ended


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc] # a class made at run time
    """Makes users whole: every rule is checked, whoever calls."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return the new user; raise `ValidationError` with all faults, nothing saved.

        `client` or `client_id` must be given: None makes an administrator on purpose.
        The password is hashed before any transaction of ours starts.
        """
        if not {"client", "client_id"} & fields.keys():
            raise TypeError("client is missing; None makes an administrator")
        user: User = self.model(email=email, **fields)
        faults: dict[str, Any] = {}
        try:
            user.full_clean(exclude=["password"])
        except ValidationError as fault:
            faults = fault.error_dict
        try:
            validate_password(password or "", user)
        except ValidationError as fault:
            faults["password"] = fault.error_list
        if faults:
            raise ValidationError(faults)
        user.set_password(password)
        save_new(user, actor=None)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a new administrator, for `manage.py createsuperuser`."""
        if password is None:
            raise ValidationError("Give a password: DJANGO_SUPERUSER_PASSWORD with --noinput.")
        return self.create_user(email, password, **{**fields, "client": None})

    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.get(email=self.model.canonical_email(username or ""))
        return user


@transaction.atomic
def save_new(user: "User", *, actor: Any) -> None:
    """Insert a user whose password is hashed already."""
    user.save(force_insert=True)
    record(Event.USER_CREATED, actor=actor, target=user, changes=differences({}, as_made(user)))


def as_made(user: "User") -> dict[str, Any]:
    """Return the values of a new user as the audit trail has them; no password is null."""
    names = ("name", "email", "client_id", "active", "password")
    made = {name: getattr(user, name) for name in names}
    return made if user.has_usable_password() else {**made, "password": None}


class SessionQuerySet(models.QuerySet["Session"]):
    """Chainable."""

    def live(self, at: datetime | Combinable | None = None) -> "SessionQuerySet":
        """Keep what has not expired now, or at the time `at`."""
        return self.filter(expires_at__gt=at or timezone.now())

    def expired(self) -> "SessionQuerySet":
        return self.filter(expires_at__lte=timezone.now())

    def visible_to(self, actor: Any) -> "SessionQuerySet":
        """Keep what `SessionPolicy` lets the actor see: everybody's, their own, or nobody's."""
        if not actor.is_active:
            return self.none()
        return self.all() if actor.is_administrator else self.filter(user=actor.pk)


class MailQuerySet(models.QuerySet["Mail"]):
    """Chainable."""

    def waiting(self) -> "MailQuerySet":
        return self.filter(state="waiting")

    def due(self) -> "MailQuerySet":
        return self.waiting().filter(due_at__lte=timezone.now())

    def failed(self) -> "MailQuerySet":
        return self.filter(state="failed")

    def sent_lately(self) -> "MailQuerySet":
        """Keep what was sent within the life of a link for a new password, or is being sent."""
        is_being_sent = Q(state="waiting", attempts__gt=0)
        return self.filter(is_being_sent | Q(sent_at__gt=timezone.now() - RESET_LIFETIME))

    def recent(self) -> "MailQuerySet":
        """Keep what was sent lately and what waits to be."""
        lately = Q(sent_at__gt=timezone.now() - RESET_LIFETIME)
        return self.filter(Q(state="waiting") | lately)

    def matching(self, words: list[str]) -> "MailQuerySet":
        """Keep the mails with every word in the recipient's address, in any case."""
        mails = self
        for word in words:
            mails = mails.filter(contains_any_case("recipient", word, self.db))
        return mails


SessionManager = models.Manager.from_queryset(SessionQuerySet)
MailManager = models.Manager.from_queryset(MailQuerySet)
