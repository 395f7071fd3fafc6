"""How many failures an account and an address may have.

An attempt reserves its place before a hash is spent; a right one gives it back. Others' failures
never shut an account's owner out: an address that has logged in before has a budget of its own,
and one without failures may use a small reserve once the account's budget is spent.
"""

import hashlib
import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException

from config.throttling.stores import Limit, Plan, store

MINUTE = 60 * 1000  # ms
DAY = 24 * 60 * MINUTE
KNOWN_FOR = 30 * DAY
RESERVE = 2  # a minute, for addresses without failures, once the account's budget is spent
PATIENCE, PAUSE = 2.0, 0.05  # seconds


class Throttled(APIException):
    """429; `wait` is in seconds."""

    status_code = 429
    default_code = "throttled"

    def __init__(self, wait: float) -> None:
        self.wait = max(0.0, wait)
        self.seconds = int(self.wait) + 1  # what `Retry-After` says
        super().__init__(f"Too many failures. Try again in {self.seconds} seconds.")


@dataclass(frozen=True)
class Attempt:
    """A place taken in each counter; one that is never settled counts as a failure."""

    taken: Mapping[str, int]
    known_key: str

    def fail(self) -> None:
        store().settle(self.taken, give_back=False)

    def succeed(self) -> None:
        store().settle(self.taken, give_back=True)
        now = _now()
        store().remember(self.known_key, now + KNOWN_FOR, now)


def network_of(request: Any) -> str:
    """Return whom to count: the peer's IPv4 address or IPv6 /64, "" where a socket has none."""
    peer = request.META.get("REMOTE_ADDR", "") if request else ""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))


def begin(account: str, address: str) -> Attempt:
    """Reserve an attempt on an account, known or not; raise `Throttled`, or 503 with the store.

    While all places are taken by attempts that may yet turn out right, it waits, up to `PATIENCE`.
    """
    plans, known_key = _plans(account, address)
    patient_until = time.monotonic() + PATIENCE
    while True:
        now = _now()
        outcome = store().reserve(plans, now)
        if outcome.taken:
            return Attempt(outcome.taken, known_key)
        if not outcome.is_to_wait or time.monotonic() >= patient_until:
            raise Throttled((outcome.until - now) / 1000)
        time.sleep(PAUSE)


def check(address: str) -> None:
    """Raise `Throttled` where an address has spent its bucket; takes nothing from it."""
    bucket = _bucket(address)
    outcome = store().reserve([Plan((), checks=(bucket,))], now := _now())
    if outcome.until > now:
        raise Throttled((outcome.until - now) / 1000)


def charge(address: str) -> None:
    """Count a failure of an address that guesses no account's password."""
    outcome = store().reserve([Plan((_bucket(address),))], _now())
    if outcome.taken:
        store().settle(outcome.taken, give_back=False)


def _plans(account: str, address: str) -> tuple[list[Plan], str]:
    per_minute, per_day = settings.LOGIN_FAILURES_PER_MINUTE, settings.LOGIN_FAILURES_PER_DAY
    pair_day = _key("pair-day", account, address)
    own = (
        Limit(_key("pair-minute", account, address), per_minute, MINUTE),
        Limit(pair_day, per_day, DAY),
        _bucket(address),
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


def _bucket(address: str) -> Limit:
    return Limit(_key("address", address), settings.ADDRESS_FAILURES_PER_MINUTE, MINUTE)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> int:
    return int(time.time() * 1000)
