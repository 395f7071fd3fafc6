"""How many failures an account and an address may have.

An attempt reserves its place before a hash is spent; a right one gives it back. Others' failures
never shut an account's owner out: an address that has logged in before has a budget of its own,
and one without failures may use a small reserve once the account's budget is spent.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest
from rest_framework import exceptions

from config.api import peers
from config.throttling.stores import Limit, Plan, now_ms, store

MINUTE = 60 * 1000  # ms
DAY = 24 * 60 * MINUTE
KNOWN_FOR = 30 * DAY
RESERVE = 2  # a minute, for addresses without failures, once the account's budget is spent
PATIENCE, PAUSE = 2.0, 0.05  # seconds


class Bucket(StrEnum):
    """What an address may fail at so many times a minute, each by itself."""

    LOGIN = "address"  # log-ins, refresh tokens
    # Any page that somebody opens can make their browser ask for links: that must keep nobody there
    # from logging in.
    LINKS = "links"


class Throttled(exceptions.Throttled):
    """429; `wait` is in seconds, what `Retry-After` says."""

    default_detail = "Too many failures."
    extra_detail_singular = "Try again in {wait} second."
    extra_detail_plural = "Try again in {wait} seconds."

    wait: int

    def __init__(self, wait: float) -> None:
        super().__init__(wait=max(1.0, wait))


@dataclass(frozen=True)
class Attempt:
    """A place taken in each counter; one that is never settled counts as a failure."""

    taken: Mapping[str, int]
    known_key: str

    def settle(self, *, is_right: bool) -> None:
        """Give the place back to one who was right, and know their address from now on."""
        store().settle(self.taken, give_back=is_right)
        if is_right:
            now = now_ms()
            store().remember(self.known_key, now + KNOWN_FOR, now)

    @contextmanager
    def given_back_if_undecided(self) -> Iterator[None]:
        """Let no attempt count that is broken off: nothing is known of its password."""
        try:
            yield
        except Exception:
            store().settle(self.taken, give_back=True)
            raise


def network_of(request: HttpRequest | None) -> str:
    """Return whom to count: the peer's IPv4 address or IPv6 /64, "" where a socket has none."""
    return peers.network_of(request.META.get("REMOTE_ADDR", "")) if request else ""


def begin(account: str, address: str) -> Attempt:
    """Reserve an attempt on an account, known or not; raise `Throttled`, or 503 with the store.

    While all places are taken by attempts that may yet turn out right, it waits, up to `PATIENCE`.
    """
    plans, known_key = _plans(account, address)
    patient_until = time.monotonic() + PATIENCE
    while True:
        now = now_ms()
        outcome = store().reserve(plans, now)
        if outcome.taken:
            return Attempt(outcome.taken, known_key)
        if not outcome.is_to_wait or time.monotonic() >= patient_until:
            raise Throttled((outcome.until - now) / 1000)
        time.sleep(PAUSE)


def check(address: str, bucket: Bucket = Bucket.LOGIN) -> None:
    """Raise `Throttled` where an address has spent its bucket; takes nothing from it."""
    now = now_ms()
    if until := store().full_until(_limit_of(address, bucket), now):
        raise Throttled((until - now) / 1000)


def charge(address: str, bucket: Bucket = Bucket.LOGIN) -> None:
    """Count a failure of an address that guesses no account's password; raise `Throttled`."""
    now = now_ms()
    outcome = store().reserve([Plan((_limit_of(address, bucket),))], now)
    if not outcome.taken:
        raise Throttled((outcome.until - now) / 1000)
    store().settle(outcome.taken, give_back=False)


def _plans(account: str, address: str) -> tuple[list[Plan], str]:
    per_minute, per_day = settings.LOGIN_FAILURES_PER_MINUTE, settings.LOGIN_FAILURES_PER_DAY
    pair_day = _key("pair-day", account, address)
    own = (
        Limit(_key("pair-minute", account, address), per_minute, MINUTE),
        Limit(pair_day, per_day, DAY),
        _limit_of(address, Bucket.LOGIN),
    )
    everybody = (
        Limit(_key("minute", account), per_minute, MINUTE),
        Limit(_key("day", account), per_day, DAY),
    )
    spare = Limit(_key("reserve", account), RESERVE, MINUTE)
    known = "z" + _key("known", account, address)  # held last, as it is written last
    unblemished = Limit(pair_day, 1, DAY)
    plans = [Plan(own, needs=known), Plan((*everybody, *own)), Plan((spare, *own), (unblemished,))]
    return plans, known


def _limit_of(address: str, bucket: Bucket) -> Limit:
    return Limit(_key(bucket, address), settings.ADDRESS_FAILURES_PER_MINUTE, MINUTE)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
