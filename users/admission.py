"""How one who has no password gets one by mail: the verbs behind invitations and resets."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Count

from config.api.errors import Conflict
from config.audit.events import Event
from config.audit.trail import Act, differences, record, record_all
from users.links import PASSWORD_RESET, Link
from users.mail.outbox import Kind, enqueue, enqueue_invitation, enqueue_reset
from users.managers import UserQuerySet
from users.models import Mail, User


class NotInvited(Conflict):
    """409: they have a password already."""

    default_code = "not_invited"
    default_detail = "This user has a password. They can ask for a new one themselves."


class NoPassword(Conflict):
    """409: there is nothing to reset."""

    default_code = "no_password"
    default_detail = "This user has no password yet. Send an invitation instead."


class TooManyMails(Conflict):
    """409: as many links went to their address lately as may go."""

    default_code = "too_many_mails"
    default_detail = "Too many such mails went to this address in the last half hour."


class Inactive(Conflict):
    """409: a link would let them in no more than a password."""

    default_code = "inactive"
    default_detail = "This user or their client is not active."


class LinkExpired(Exception):
    """The link has been used, is too old, or was never one."""


@transaction.atomic
def invite_user(user: User, *, actor: User) -> None:
    """Send a new invitation; the links of before are dead.

    Raises `Inactive` or `NotInvited` (409) with nothing changed.
    """
    fresh = User.objects.locked().get(pk=user.pk)
    if not fresh.is_active:
        raise Inactive
    if fresh.has_usable_password():
        raise NotInvited
    _invite([fresh], actor=actor)


@transaction.atomic
def invite_users(users: UserQuerySet, *, actor: User) -> list[User]:
    """Send those of `users` who are active and have no password a new invitation; return them."""
    held = User.objects.locked().filter(pk__in=users.order_by().values("pk")).order_by("pk")
    invited = [user for user in held if user.is_active and not user.has_usable_password()]
    _invite(invited, actor=actor)
    return invited


def _invite(users: list[User], *, actor: User) -> None:
    """Record last: an act holds a lane of the trail, and no row may be waited for then."""
    User.objects.filter(pk__in=[user.pk for user in users]).end_links()
    for user in users:
        enqueue_invitation(user)
    record_all(Act(Event.INVITATION_SENT, actor, user) for user in users)


@transaction.atomic
def request_reset(email: str) -> None:
    """Send a link to whoever has this canonical address and may get in, if anybody.

    The same work whether there is such an account or not: whether they may get in is looked up when
    the mail is sent.
    """
    enqueue_reset(email)
    user = User.objects.filter(email=email).first()
    record(Event.PASSWORD_RESET_REQUESTED, actor=None, target=user, details={"email": email})


@transaction.atomic
def send_reset(user: User, *, actor: User) -> int:
    """Send a link for a new password because an administrator says so.

    Return how many went to the address in the last half hour before. Raises `Inactive`,
    `NoPassword` or `TooManyMails` (409) with nothing changed.
    """
    fresh = User.objects.locked().get(pk=user.pk)
    if not fresh.is_active:
        raise Inactive
    if not fresh.has_usable_password():
        raise NoPassword
    before = Mail.objects.recent().filter(kind=Kind.PASSWORD_RESET, recipient=fresh.email).count()
    if before >= settings.MAILS_PER_HALF_HOUR:
        raise TooManyMails
    _send_resets([fresh], actor=actor)
    return before


@transaction.atomic
def send_resets(users: UserQuerySet, *, actor: User) -> list[User]:
    """Send a link to those of `users` to whom `send_reset` would; return them."""
    resets = Mail.objects.recent().filter(kind=Kind.PASSWORD_RESET).order_by()
    numbers = resets.values("recipient").annotate(number=Count("pk"))
    full = numbers.filter(number__gte=settings.MAILS_PER_HALF_HOUR)
    flooded = set(full.values_list("recipient", flat=True))
    held = User.objects.locked().filter(pk__in=users.order_by().values("pk")).order_by("pk")
    chosen = [
        user
        for user in held
        if user.is_active and user.has_usable_password() and user.email not in flooded
    ]
    _send_resets(chosen, actor=actor)
    return chosen


def _send_resets(users: list[User], *, actor: User) -> None:
    """Put the mails into the outbox with their users: unlike in `request_reset`, they are known."""
    kind = Kind.PASSWORD_RESET
    mails = [Mail(kind=kind, user=user, recipient=user.email) for user in users]
    Mail.objects.bulk_create(mails, batch_size=500)
    event = Event.PASSWORD_RESET_REQUESTED
    record_all(Act(event, actor, user, details={"email": user.email}) for user in users)


def redeem(link: Link, token: str, password: str) -> User:
    """Set the password of whom the token is for, end all their sessions; raise `LinkExpired`.

    Hashed outside of any lock; then the token is read again under it, as it is good for one use.
    """
    digest = make_password(password)
    with transaction.atomic():
        user = link.read(token, User.objects.locked())
        if user is None:
            raise LinkExpired
        is_reset = link is PASSWORD_RESET
        old = {"password": user.password} if is_reset else {}
        user.password = digest
        user.save(update_fields=["password", "updated_at"])
        ended = User.objects.filter(pk=user.pk).end_sessions()
        if is_reset:
            enqueue(Kind.PASSWORD_CHANGED, user)
        record(
            Event.PASSWORD_RESET if is_reset else Event.INVITATION_ACCEPTED,
            actor=user,
            target=user,
            changes=differences(old, {"password": digest}),
            details={"sessions_ended": ended},
        )
        return user
