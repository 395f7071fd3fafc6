"""Making and changing many users at once, by the rules of `users.lifecycle` for one."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from config.audit.events import Event
from config.audit.trail import Act, differences
from users.changes import Consequences, change
from users.mail.outbox import invite_all, notices_of_changes
from users.managers import as_made
from users.models import Mail, Session, User

SAVED = ("name", "email", "client", "active", "updated_at")


@dataclass
class Batch:
    """What is to be written together: up to about 1000 rows."""

    new: list[User] = field(default_factory=list)  # not saved, without password
    changed: list[tuple[User, Mapping[str, Any]]] = field(default_factory=list)  # and what differs
    invited: list[User] = field(default_factory=list)  # of the new, and others without password


def save_batch(batch: Batch, *, actor: User | None, details: Mapping[str, Any]) -> list[Act]:
    """Write a batch and return its acts, for the caller to record.

    The caller's transaction holds the rows that change, and the administrators where one may go
    (`lock_administrators`); it calls `require_administrator` in the end. The number of queries does
    not depend on the number of rows, but for the parts that SQLite takes an INSERT in. Raises
    `IntegrityError` where another has taken an email since.
    """
    for user in batch.new:
        # As `make_password(None)`, which takes its time to draw letters.
        user.password = UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20)
    consequences = [(user, change(user, changed)) for user, changed in batch.changed]
    _end_links(batch, consequences)
    User.objects.bulk_create(batch.new)
    _save([user for user, _ in consequences])
    ended = _end_sessions([user.pk for user, what in consequences if what.ends_sessions])
    moved = [user for user, what in consequences if what.is_to_invite]
    invited = {user.pk: user for user in (*batch.invited, *moved)}
    invite_all(list(invited.values()))
    Mail.objects.bulk_create(
        notice
        for user, what in consequences
        if what.is_to_notify
        for notice in notices_of_changes(user, what.fields, old_email=what.old_email)
    )
    acts = [*_made(batch.new, actor, details), *_updated(consequences, ended, actor, details)]
    return acts + [Act(Event.INVITATION_SENT, actor, user) for user in invited.values()]


def _end_links(batch: Batch, consequences: list[tuple[User, Consequences]]) -> None:
    """End the links of before, while the addresses that they went to are still stored."""
    new = {id(user) for user in batch.new}
    ids = [user.pk for user, what in consequences if what.ends_links]
    ids += [user.pk for user in batch.invited if id(user) not in new]
    if ids:
        User.objects.filter(pk__in=ids).end_links()


def _save(users: list[User]) -> None:
    """Update rows that are there: by upsert, as UPDATE of many is slow (a CASE a row and field)."""
    if users:
        User.objects.bulk_create(
            users, update_conflicts=True, unique_fields=["id"], update_fields=SAVED
        )


def _end_sessions(ids: list[int]) -> Counter[int]:
    """End all sessions of these users and return how many each had."""
    if not ids:
        return Counter()
    held = Session.objects.filter(user__in=ids)
    ended = Counter(held.order_by().values_list("user_id", flat=True))
    User.objects.filter(pk__in=ids).end_sessions()
    return ended


def _made(users: list[User], actor: User | None, details: Mapping[str, Any]) -> Iterator[Act]:
    for user in users:
        yield Act(Event.USER_CREATED, actor, user, differences({}, as_made(user)), details)


def _updated(
    consequences: list[tuple[User, Consequences]],
    ended: Counter[int],
    actor: User | None,
    details: Mapping[str, Any],
) -> Iterator[Act]:
    for user, what in consequences:
        sessions = {"sessions_ended": ended[user.pk]} if what.ends_sessions else {}
        yield Act(Event.USER_UPDATED, actor, user, what.changes, {**details, **sessions})
