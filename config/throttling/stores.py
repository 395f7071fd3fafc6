"""Where counters are kept, and the two acts on them, each of which is atomic."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Protocol

import redis
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from typing_extensions import override

from config.throttling.models import Counter
from config.throttling.scripts import RESERVE, SETTLE

PREFIX = "roster:throttling:"
TIMEOUT = 2  # seconds until a store that does not answer is taken for gone
SILENCE = 1  # seconds until it is asked again


class StoreAway(OperationalError):
    """503, as for a database that is away: what cannot be counted is not allowed."""

    what = "counters"  # for the log


@dataclass(frozen=True)
class Limit:
    """At most `most` failures in a window of `window` ms that starts at the first."""

    key: str
    most: int
    window: int


@dataclass(frozen=True)
class Plan:
    """Counters to take one of each; `checks` must have room too, `needs` must be there."""

    limits: tuple[Limit, ...]
    checks: tuple[Limit, ...] = ()
    needs: str = ""


@dataclass(frozen=True)
class Outcome:
    """`taken` maps keys to the ends of their windows: none where refused, or to wait for."""

    taken: Mapping[str, int] = field(default_factory=dict)
    is_to_wait: bool = False  # some that count now may yet be given back
    until: int = 0  # ms since 1970, when there is room again


class Store(Protocol):
    """Keeps counters; raises `OperationalError` where it is gone."""

    def reserve(self, plans: Sequence[Plan], now: int) -> Outcome:
        """Take by the first plan that has room; wait where one may get some."""

    def full_until(self, limit: Limit, now: int) -> int:
        """Return when there is room again in ms since 1970, 0 where there is room."""

    def settle(self, taken: Mapping[str, int], *, give_back: bool) -> None:
        """Decide what was reserved, in windows that have not ended since."""

    def remember(self, key: str, until: int, now: int) -> None:
        """Make `needs` find this key."""


class DatabaseStore(Store):
    """Rows held in the order of their keys, so that two attempts never deadlock."""

    @override
    def reserve(self, plans: Sequence[Plan], now: int) -> Outcome:
        needed = {plan.needs for plan in plans} - {""}
        keys = sorted({limit.key for plan in plans for limit in (*plan.limits, *plan.checks)})
        # Before any row is made: or else one who is refused fills the table with invented emails.
        seen = Counter.objects.in_bulk([*keys, *needed])
        refused = decide(plans, _present(seen, keys, now), now)
        if not refused.taken:
            return refused
        with transaction.atomic():
            Counter.objects.bulk_create([Counter(key=key) for key in keys], ignore_conflicts=True)
            rows = _present(_held([*keys, *needed]), keys, now)
            outcome = decide(plans, rows, now)
            taken = [rows[key] for key in outcome.taken]
            for row in taken:
                row.count, row.pending = row.count + 1, row.pending + 1
                row.expires_at = outcome.taken[row.key]
            Counter.objects.bulk_update(taken, ["count", "pending", "expires_at"])
        return outcome

    @override
    def full_until(self, limit: Limit, now: int) -> int:
        full = Counter.objects.filter(key=limit.key, count__gte=limit.most, expires_at__gt=now)
        return full.values_list("expires_at", flat=True).first() or 0

    @override
    def settle(self, taken: Mapping[str, int], *, give_back: bool) -> None:
        with transaction.atomic():
            rows = _held(taken)
            same = [key for key, row in rows.items() if row.expires_at == taken[key]]
            Counter.objects.filter(key__in=same).update(
                pending=F("pending") - 1, count=F("count") - int(give_back)
            )

    @override
    def remember(self, key: str, until: int, now: int) -> None:
        Counter.objects.bulk_create(
            [Counter(key=key, count=1, expires_at=until)],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["expires_at"],
        )


def _held(keys: Iterable[str]) -> dict[str, Counter]:
    rows = Counter.objects.filter(key__in=list(keys)).order_by("key").select_for_update()
    return {row.key: row for row in rows}


def _present(rows: dict[str, Counter], keys: Iterable[str], now: int) -> dict[str, Counter]:
    """Let there be a row for each of the keys, zero where its window has ended."""
    for key in keys:
        row = rows.setdefault(key, Counter(key=key))
        if row.expires_at <= now:
            row.count = row.pending = row.expires_at = 0
    return rows


def decide(plans: Sequence[Plan], rows: Mapping[str, Counter], now: int) -> Outcome:
    """Say what `RESERVE` says of the same counters; those that ended are zero already."""
    until = 0
    for plan in plans:
        known = rows.get(plan.needs)
        if plan.needs and (known is None or known.expires_at <= now):
            continue
        asked = (*plan.limits, *plan.checks)
        full = [limit for limit in asked if rows[limit.key].count >= limit.most]
        if not full:
            ends = {limit.key: _end(rows[limit.key], limit, now) for limit in plan.limits}
            return Outcome(ends)
        if all(rows[one.key].count - rows[one.key].pending < one.most for one in full):
            return Outcome(is_to_wait=True, until=now)
        until = until or max(rows[limit.key].expires_at for limit in full)
    return Outcome(until=until)


def _end(row: Counter, limit: Limit, now: int) -> int:
    return row.expires_at if row.count else now + limit.window


class RedisStore(Store):
    """One hash a counter, gone by itself; each act is one script."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
        )
        self.silent_until = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Turn what Redis raises into `StoreAway`.

        While it does not answer, one at a time waits to see whether it does again: or else the
        log-ins of a few seconds would hold every thread that serves anything.
        """
        now = time.monotonic()
        if now < self.silent_until:
            raise StoreAway("the counters do not answer")
        if self.silent_until:
            self.silent_until = now + TIMEOUT + SILENCE
        try:
            yield
        except redis.TimeoutError as fault:
            self.silent_until = time.monotonic() + SILENCE
            raise StoreAway("the counters do not answer") from fault
        except redis.RedisError as fault:
            self.silent_until = 0.0
            raise StoreAway("the counters are away") from fault
        self.silent_until = 0.0

    def ping(self) -> None:
        with self.asking():
            self.redis.ping()

    @override
    def reserve(self, plans: Sequence[Plan], now: int) -> Outcome:
        asked = json.dumps([asdict(plan) for plan in plans])
        said = json.loads(self._run(RESERVE, PREFIX, now, asked))
        return Outcome(said["taken"] or {}, said["wait"], said["until_"])

    @override
    def full_until(self, limit: Limit, now: int) -> int:
        with self.asking():
            row: Any = self.redis.hmget(PREFIX + limit.key, ["count", "ends"])
        count, ends = (int(value or 0) for value in row)
        return ends if count >= limit.most and ends > now else 0

    @override
    def settle(self, taken: Mapping[str, int], *, give_back: bool) -> None:
        self._run(SETTLE, PREFIX, int(give_back), json.dumps(dict(taken)))

    @override
    def remember(self, key: str, until: int, now: int) -> None:
        with self.asking():
            self.redis.hset(PREFIX + key, mapping={"count": 1, "pending": 0, "ends": until})
            self.redis.pexpire(PREFIX + key, until - now)

    def _run(self, script: str, *arguments: Any) -> Any:
        with self.asking():
            return self.redis.eval(script, 0, *arguments)


def now_ms() -> int:
    return int(time.time() * 1000)


def store() -> Store:
    """Return the store that the settings name."""
    return _redis_store(settings.CACHE_URL) if settings.CACHE_URL else DatabaseStore()


def are_counters_there() -> bool:
    """Tell whether what keeps the counters outside the database answers."""
    try:
        _redis_store(settings.CACHE_URL).ping()
    except StoreAway:
        return False
    return True


_redis_store = cache(RedisStore)  # one pool of connections a process


def purge(*, now: int, limit: int) -> int:
    """Delete up to `limit` rows whose windows have ended; return how many."""
    ended = Counter.objects.filter(expires_at__lte=now)
    # The condition again: one that was taken meanwhile stays.
    count, _ = ended.filter(key__in=list(ended.values_list("key", flat=True)[:limit])).delete()
    return count
