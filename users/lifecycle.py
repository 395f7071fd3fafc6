"""What is done to users and sessions: the verbs that API, admin site and commands share."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from config.api.errors import Conflict
from config.api.etags import Stale
from config.audit.events import Event
from config.audit.trail import Act, differences, record, record_all
from users.changes import as_noted, change, may_remove_administrator
from users.mail.outbox import Kind, enqueue, enqueue_invitation, notify_of_changes
from users.managers import SessionQuerySet, UserQuerySet, save_new
from users.models import Session, User

# A refresh token spent this recently is a lost answer or a second tab, not a thief.
REUSE_LEEWAY = timedelta(seconds=10)


class LastAdministrator(Conflict):
    """409: the change would leave nobody who can undo it."""

    default_code = "last_administrator"
    default_detail = "This would leave no active administrator."


def create_user(values: dict[str, Any], *, actor: User) -> User:
    """Return the new user of `values`, which are checked already; `password` is the plain one.

    One without password is invited by mail. Raises `IntegrityError` where another has taken the
    email since.
    """
    password = values.get("password")
    user = User(**{**values, "password": make_password(password)})
    with transaction.atomic():
        save_new(user, actor=actor)
        if password is None:
            enqueue_invitation(user)
            record(Event.INVITATION_SENT, actor=actor, target=user)
    return user


def update_user(
    user: User, values: dict[str, Any], *, actor: User, session: Session | None
) -> User:
    """Apply what differs and return the row as saved; `user` is what the caller read.

    `values` may hold name, email, client, active and the plain password. A changed password ends
    the user's sessions except the actor's own `session`; a changed `active` or role ends them all,
    and so does joining or leaving an inactive client.

    Raises `Stale` where the row is no longer the one read, `LastAdministrator` (409).
    """
    if "password" in values:  # before this takes a lock: hashing takes longer than all else
        values = {**values, "password": make_password(values["password"])}
    with transaction.atomic():
        if may_remove_administrator(user, values):
            lock_administrators(User.objects.filter(pk=user.pk))
        fresh = User.objects.locked().get(pk=user.pk)
        if fresh.state() != user.state():
            raise Stale
        return _apply(fresh, values, actor=actor, session=session)


def _apply(user: User, values: dict[str, Any], *, actor: User, session: Session | None) -> User:
    changed = {name: value for name, value in values.items() if getattr(user, name) != value}
    if not changed:
        return user
    what = change(user, changed)
    mine = User.objects.filter(pk=user.pk)
    if what.ends_links:
        mine.end_links()  # those to the address of before
    user.save(update_fields=[*changed, "updated_at"])
    details = {}
    if what.ends_sessions:
        details["sessions_ended"] = mine.end_sessions()
        require_administrator()
    elif what.ends_other_sessions:
        own = session.pk if session and actor.pk == user.pk else None
        details["sessions_ended"] = mine.end_sessions(but=own)
    if what.is_to_invite:
        enqueue_invitation(user)
    elif what.is_to_notify:
        notify_of_changes(user, what.fields, old_email=what.old_email)
    record(Event.USER_UPDATED, actor=actor, target=user, changes=what.changes, details=details)
    if what.is_to_invite:
        record(Event.INVITATION_SENT, actor=actor, target=user)
    return user


def set_password(user: User, password: str, *, actor: User | None) -> None:
    """Set the password of a user of whom nothing else is to change; all their sessions end."""
    digest = make_password(password)
    with transaction.atomic():
        fresh = User.objects.locked().get(pk=user.pk)
        changes = differences(as_noted({"password": fresh.password}), {"password": digest})
        fresh.password = digest
        fresh.save(update_fields=["password", "updated_at"])
        details = {"sessions_ended": User.objects.filter(pk=user.pk).end_sessions()}
        enqueue(Kind.PASSWORD_CHANGED, fresh)
        record(Event.PASSWORD_SET, actor=actor, target=fresh, changes=changes, details=details)


def set_active(users: UserQuerySet, active: bool, *, actor: User | None) -> int:
    """Activate or deactivate many and return how many changed; all of their sessions end.

    `actor` is None for a command. Raises `LastAdministrator` (409) with nothing changed.
    """
    event = Event.USER_ACTIVATED if active else Event.USER_DEACTIVATED
    return _set_active(users, active, actor=actor, event=event)


@transaction.atomic
def _set_active(users: UserQuerySet, active: bool, *, actor: User | None, event: Event) -> int:
    changing = User.objects.filter(pk__in=users.order_by().values("pk"), active=not active)
    if active:
        lock(changing)
    else:
        lock_administrators(changing)
    noted = list(changing.only("email").order_by("pk"))
    ended = 0
    for ids in batches_of([user.pk for user in noted]):  # these and no others: each is noted
        batch = User.objects.filter(pk__in=ids)
        ended += batch.end_sessions()
        batch.end_links()
        batch.update(active=active, updated_at=timezone.now())
    if not active:
        require_administrator()
    details = {"bulk": len(noted), "bulk_sessions_ended": ended}
    changes = differences({"active": not active}, {"active": active})
    record_all(Act(event, actor, user, changes, details) for user in noted)
    return len(noted)


@transaction.atomic
def deactivate_dormant(users: UserQuerySet, *, bound: datetime, actor: User | None) -> list[User]:
    """Deactivate those of `users` who are dormant (see `UserQuerySet`) and return them, by id.

    Decided under the lock: who has logged in since they were chosen stays active. Where all active
    administrators are dormant, the one who logged in last stays. Raises `LastAdministrator`, with
    nothing changed, only where there was none before.
    """
    lock_administrators(users)
    dormant = User.objects.filter(pk__in=users.order_by().values("pk")).dormant(bound)
    spared = spared_administrator(bound)
    found = list(dormant.exclude(pk=spared and spared.pk).order_by("pk"))
    chosen = User.objects.filter(pk__in=[user.pk for user in found])
    _set_active(chosen, False, actor=actor, event=Event.USER_DEACTIVATED_DORMANT)
    return found


def spared_administrator(bound: datetime) -> User | None:
    """Return who stays because every active administrator is dormant; None where one is not."""
    administrators = User.objects.administering()
    dormant = administrators.dormant(bound)
    if administrators.exclude(pk__in=dormant.values("pk")).exists():
        return None
    last: User | None = dormant.by_last_login().first()
    return last


def lock_administrators(users: UserQuerySet) -> None:
    """Let one at a time change who administers: hold all active administrators, and `users`."""
    administrators = User.objects.administrators().active().order_by().values("pk")
    # UNION, because PostgreSQL reads the whole table for OR: 400 ms of a million users.
    lock(User.objects.filter(pk__in=administrators.union(users.order_by().values("pk"))))


def lock(users: UserQuerySet) -> None:
    """Hold these rows, taken in the order of ids so that two of these never wait for each other."""
    list(users.locked().order_by("pk").values_list("pk"))


def require_administrator() -> None:
    """Raise `LastAdministrator` where none is active and has a password to get in with."""
    if not User.objects.administering().exists():
        raise LastAdministrator


@transaction.atomic
def open_session(
    user: User,
    *,
    digest: str,
    lifetime: timedelta,
    user_agent: str,
    address: str | None,
) -> Session | None:
    """Begin a session of the user whose password was just checked against `user.password`.

    None where they were deactivated or their password changed since: the row is held, so that the
    one who does so comes either before this or finds the session. `digest` is what to keep of the
    password from now on (a stronger hash, or the same).
    """
    fresh = User.objects.locked().filter(pk=user.pk, password=user.password).first()
    if fresh is None or not fresh.is_active:
        return None
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login_at=now, password=digest)
    session = Session.objects.create(
        user=fresh,
        created_at=now,
        refreshed_at=now,
        expires_at=now + lifetime,
        wrote_at=now,  # the last login
        user_agent=user_agent[:255],
        address=address,
    )
    record(Event.LOGIN, actor=fresh, target=fresh, details={"session": session.pk})
    return session


@transaction.atomic
def rotate_session(
    session_id: int,
    *,
    user_id: int,
    refresh_id: uuid.UUID,
    lifetime: timedelta,
    longest: timedelta,
) -> Session | None:
    """Spend the refresh token `refresh_id`; return the session with its next one.

    RFC 9700, section 4.14.2. The session lives `lifetime` from now on, but no longer than
    `longest` from its log-in, however often it is refreshed.
    The token spent last is answered with the present state for 10 seconds, nothing rotates. Any
    other spent token ends the session: one of its two holders stole it. None is 401.
    """
    session = (
        Session.objects.live()
        .select_related("user__client")
        .select_for_update(of=("self",))
        .filter(pk=session_id, user_id=user_id)
        .first()
    )
    if session is None or not session.user.is_active:
        return None
    now = timezone.now()
    expires_at = min(now + lifetime, session.created_at + longest)
    if expires_at <= now:  # `longest` was longer when it was opened
        session.delete()
        return None
    if refresh_id == session.refresh_id:
        session.spent_id, session.refresh_id = refresh_id, uuid.uuid4()
        session.refreshed_at, session.expires_at = now, expires_at
        session.save(update_fields=["spent_id", "refresh_id", "refreshed_at", "expires_at"])
        return session
    if refresh_id == session.spent_id and now - session.refreshed_at <= REUSE_LEEWAY:
        return session
    # Nobody has proved who they are: both have the token, the user and the thief.
    record(Event.REFRESH_REPLAYED, actor=None, target=session.user, details={"session": session.pk})
    session.delete()
    enqueue(Kind.REFRESH_REPLAYED, session.user)
    return None


def end_session(session: Session, *, actor: User) -> None:
    """End one login; its tokens stop at once."""
    _end(session, Event.SESSION_ENDED, actor=actor)


def log_out(session: Session) -> None:
    """End the login that its user is using; its tokens stop at once."""
    _end(session, Event.LOGOUT, actor=session.user)


@transaction.atomic
def _end(session: Session, event: Event, *, actor: User) -> None:
    ended, _ = Session.objects.filter(pk=session.pk).delete()
    if ended:  # no other request was faster
        user = actor if actor.pk == session.user_id else session.user
        record(event, actor=actor, target=user, details={"session": session.pk})


@transaction.atomic
def end_sessions(sessions: SessionQuerySet, *, actor: User | None) -> int:
    """End many logins and return how many."""
    held = sessions.select_related("user").select_for_update(of=("self",)).order_by("pk")
    found = list(held.only("user", "user__email"))
    ended: defaultdict[User, list[int]] = defaultdict(list)
    for session in found:
        ended[session.user].append(session.pk)
    for ids in batches_of([session.pk for session in found]):
        Session.objects.filter(pk__in=ids).delete()
    record_all(
        Act(Event.SESSIONS_ENDED, actor, user, details={"sessions": ids})
        for user, ids in ended.items()
    )
    return len(found)


def batches_of(ids: list[int], size: int = 500) -> Iterator[list[int]]:
    """Yield the ids in parts that any database takes as parameters of one query."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


@transaction.atomic
def purge_sessions(*, limit: int) -> int:
    """Delete up to `limit` sessions that have expired and return how many.

    Waits for nobody: a row that a request holds is left for the next time.
    """
    expired = Session.objects.expired().select_for_update(skip_locked=True)
    ids = list(expired.order_by("expires_at").values_list("pk", flat=True)[:limit])
    # The condition again: held or not, what is live cannot be deleted here.
    count, _ = Session.objects.expired().filter(pk__in=ids).delete()
    return count
