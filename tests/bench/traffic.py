"""Traffic as a service of accounts has it: mostly reads of oneself, some lists, few log-ins."""

import json
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.bench.open_loop import Request
from tests.live.conftest import Service

SHARES = {
    "current": 56,
    "single": 12,
    "list": 10,
    "search": 3,
    "refresh": 10,
    "update": 5,
    "create": 2,
    "login": 2,
}
CURRENT = "current"
READERS = 64  # users who read what is theirs
SESSIONS = 256  # that are refreshed, each by one at a time


@dataclass
class Traffic:
    """Chooses what is sent next, by `SHARES`."""

    service: Service
    users: int
    password: str
    admin: str  # an access token
    ids: list[int] = field(default_factory=list)
    client: int = 0
    readers: list[str] = field(default_factory=list)
    sessions: deque[str] = field(default_factory=deque)  # refresh tokens
    draw: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 # traffic
    made: int = 0

    def prepare(self) -> None:
        """Log in those who read and those who refresh."""
        for number in range(1, READERS + 1):
            self.readers.append(self._log_in(number)["access"])
        for number in range(READERS + 1, READERS + SESSIONS + 1):
            self.sessions.append(self._log_in(number)["refresh"])
        page = self.service.call("GET", "/users?page_size=100", token=self.admin).json
        self.ids = [user["id"] for user in page["results"] if user["client"]]
        self.client = self.service.create_client(self.admin)

    def _log_in(self, number: int) -> dict[str, str]:
        return self.service.log_in(email_of(number), self.password)

    def choose(self) -> Request:
        (kind,) = self.draw.choices(list(SHARES), list(SHARES.values()))
        if kind == "refresh" and not self.sessions:
            kind = CURRENT
        made: Request = getattr(self, f"_{kind}")()
        return made

    def _current(self) -> Request:
        return request(CURRENT, "GET", "/users/current", token=self.draw.choice(self.readers))

    def _single(self) -> Request:
        return request("single", "GET", f"/users/{self.draw.choice(self.ids)}", token=self.admin)

    def _list(self) -> Request:
        page = self.draw.randint(1, 20)
        return request("list", "GET", f"/users?page={page}", token=self.admin)

    def _search(self) -> Request:
        number = self.draw.randint(1, self.users)
        return request("search", "GET", f"/users?search=user{number}@", token=self.admin)

    def _refresh(self) -> Request:
        token = self.sessions.popleft()

        def heard(body: bytes) -> None:
            self.sessions.append(json.loads(body)["refresh"])

        made = request("refresh", "POST", "/auth/refresh", {"refresh": token})
        made.heard = heard
        made.unheard = lambda: self.sessions.append(token)
        return made

    def _update(self) -> Request:
        body = {"name": f"Held {self.draw.randint(1, 10**6)}"}
        path = f"/users/{self.draw.choice(self.ids)}"
        return request("update", "PATCH", path, body, token=self.admin)

    def _create(self) -> Request:
        self.made += 1
        email = f"held{self.made}-{self.draw.randint(1, 10**9)}@example.com"
        body = {"name": "Held", "email": email, "client_id": self.client, "invite": True}
        return request("create", "POST", "/users", body, token=self.admin)

    def _login(self) -> Request:
        number = self.draw.randint(1, self.users)
        body = {"email": email_of(number), "password": self.password}
        return request("login", "POST", "/auth/login", body)


def email_of(number: int) -> str:
    return f"user{number}@demo.example"


def request(kind: str, method: str, path: str, body: Any = None, *, token: str = "") -> Request:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    content = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return Request(kind, "\r\n".join([*lines, "", ""]).encode() + content)
