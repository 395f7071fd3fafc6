"""How lists of users are narrowed."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from config.api.parameters import (
    InstantFilter,
    Narrowing,
    OneOfFilter,
    PositiveFilter,
    SearchFilter,
)
from config.api.routing import MAX_ID
from config.compiled import CompiledQuery
from users.counting import BLOCK_BITS
from users.counts import UserBlock, UserCount
from users.managers import ROLES, UserQuerySet
from users.models import STATUSES, User


class UserFilters(Narrowing):
    """All combined by AND; the fields refuse what they do not understand."""

    active = OneOfFilter(words=("true", "false"), method="filter_active")
    client_id = PositiveFilter(high=MAX_ID)
    role = OneOfFilter(words=ROLES, method="filter_role")
    email = SearchFilter(method="filter_email")
    status = OneOfFilter(words=STATUSES, method="filter_status")
    created_after = InstantFilter("created_at", "gt")
    created_before = InstantFilter("created_at", "lt")
    last_login_after = InstantFilter("last_login_at", "gt")
    last_login_before = InstantFilter("last_login_at", "lt")
    never_logged_in = OneOfFilter(words=("true", "false"), method="filter_never_logged_in")
    search = SearchFilter(method="filter_search")

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def filter_active(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.filter(active=value == "true")

    def filter_role(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.with_role(value)

    def filter_status(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.with_status(value)

    def filter_email(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.filter(email=User.canonical_email(value))

    def filter_never_logged_in(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.filter(last_login_at__isnull=value == "true")

    def filter_search(self, users: UserQuerySet, name: str, value: str) -> UserQuerySet:
        return users.matching(value.split())


COUNTED = ("client_id", "role", "active", "status")
COUNTED_BY_BLOCK = ("role", "active", "status")


def known_total(query: Mapping[str, Any], using: str = DEFAULT_DB_ALIAS) -> int | None:
    """Return how many users the filters of a list leave, where the counts tell; else None."""
    chosen = {name for name in UserFilters.query_fields() if query[name] is not None}
    if not chosen <= set(COUNTED):
        return None
    ((total,),) = _counts(*(query[name] for name in COUNTED))(using)
    return int(total or 0)


def seek(
    query: Mapping[str, Any], number: int, *, is_descending: bool, using: str = DEFAULT_DB_ALIAS
) -> tuple[Q, int] | None:
    """Return a way, in the order of ids, to the user behind `number` others that the filters leave.

    What users in and behind its block have in common, and how many come before these; None where
    the counts do not tell.
    """
    chosen = {name for name in UserFilters.query_fields() if query[name] is not None}
    if not chosen <= set(COUNTED_BY_BLOCK):
        return None
    role, active, status = (query[name] for name in COUNTED_BY_BLOCK)
    blocks = UserBlock.objects.using(using).narrowed(
        role=role, active=truth_of(active), status=status
    )
    found = blocks.seek(number, is_descending=is_descending)
    if found is None:  # some have gone meanwhile
        return None
    block, before = found
    first, behind = block << BLOCK_BITS, (block + 1) << BLOCK_BITS
    return (Q(pk__lt=behind) if is_descending else Q(pk__gte=first)), before


def truth_of(word: str | None) -> bool | None:
    return None if word is None else word == "true"


@lru_cache(maxsize=256)
def _counts(
    client_id: int | None, role: str | None, active: str | None, status: str | None
) -> CompiledQuery:
    counts = UserCount.objects.narrowed(
        client_id=client_id, role=role, active=truth_of(active), status=status
    )
    return CompiledQuery(counts.sums)
