"""Requests without pause, and what became of each."""

import http.client
import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.live.conftest import Answer, Service

PROBLEM = "application/problem+json"
ACKNOWLEDGED, REFUSED, FAILED = "acknowledged", "refused", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one request; times in seconds of `time.monotonic`."""

    kind: str
    said: str  # the status, or the class of what broke it
    began: float
    ended: float
    written: str = ""  # what is to be found afterwards if this was acknowledged

    @property
    def took(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class Call:
    """One request, and what it writes."""

    method: str
    path: str
    body: Any = None
    token: str = ""
    written: str = ""


def classify(answer: Answer) -> str:
    """Tell what an answer is: a clean refusal says why, and a 503 when to come again."""
    if answer.status < 400:
        return ACKNOWLEDGED
    is_problem = answer.headers.get("Content-Type", "").startswith(PROBLEM)
    says_when = "Retry-After" in answer.headers or answer.status not in (429, 503, 507)
    is_ours = answer.status < 500 or answer.status in (503, 507)
    return REFUSED if is_problem and says_when and is_ours else FAILED


def send(service: Service, call: Call) -> Outcome:
    began = time.monotonic()
    try:
        answer = service.call(call.method, call.path, call.body, token=call.token)
    except (OSError, http.client.HTTPException) as fault:
        return Outcome(FAILED, type(fault).__name__, began, time.monotonic(), call.written)
    kind, said = classify(answer), str(answer.status)
    return Outcome(kind, said, began, time.monotonic(), call.written)


def creation(token: str, client_id: int) -> Call:
    """Return the creation of a user who is invited: three rows in one transaction, no hashing."""
    email = f"{secrets.token_hex(8)}@example.com"
    body = {"name": "Load", "email": email, "client_id": client_id, "invite": True}
    return Call("POST", "/users", body, token, email)


@dataclass
class Load:
    """Several threads that each send one request after the other."""

    service: Service
    next_call: Callable[[], Call]
    threads: int = 8
    most: float = math.inf  # how many are acknowledged before it ends by itself
    outcomes: list[Outcome] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._running = [threading.Thread(target=self._run) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()

    def end(self) -> None:
        self._end.set()
        self.join()

    def join(self) -> None:
        for thread in self._running:
            thread.join()

    def _run(self) -> None:
        while not self._end.is_set() and self.count(ACKNOWLEDGED) < self.most:
            outcome = send(self.service, self.next_call())
            self.outcomes.append(outcome)
            if outcome.kind == FAILED:  # as a client would; nobody is there to refuse
                time.sleep(0.05)

    def count(self, kind: str) -> int:
        return sum(outcome.kind == kind for outcome in list(self.outcomes))

    def written(self) -> set[str]:
        """Return what was acknowledged and must be there."""
        return {one.written for one in self.outcomes if one.kind == ACKNOWLEDGED and one.written}

    def failures(self, *, begun_after: float = 0.0) -> list[Outcome]:
        return [one for one in self.outcomes if one.kind == FAILED and one.began >= begun_after]

    def acknowledged_since(self, moment: float) -> float:
        """Return when the first that began after the moment was acknowledged; raise if none."""
        return min(
            one.ended for one in self.outcomes if one.kind == ACKNOWLEDGED and one.began >= moment
        )


@contextmanager
def running(load: Load) -> Iterator[Load]:
    load.start()
    try:
        yield load
    finally:
        load.end()


def wait_for(is_so: Callable[[], bool], *, seconds: float = 60) -> float:
    """Wait until it is so, and return how long that took; raise `TimeoutError`."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise TimeoutError
        time.sleep(0.02)
    return time.monotonic() - began


def told(outcomes: list[Outcome]) -> str:
    """Return how often each thing was said, as JSON."""
    counts: dict[str, int] = {}
    for one in outcomes:
        counts[one.said] = counts.get(one.said, 0) + 1
    return json.dumps(counts, sort_keys=True)
