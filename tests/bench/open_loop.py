"""Requests at a fixed rate, whether or not those before have been answered; light on the CPU.

What waits for a connection of ours waits since it was due: a server that is slow for a second is
shown as slow for all who came in that second.
"""

import asyncio
import re
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TICK = 0.004  # seconds
MOST = 900  # connections
PATIENCE = 30.0  # seconds until an answer is given up

BROKEN, LATE = 0, 1  # in place of a status


@dataclass(slots=True)
class Request:
    """One kind of call as bytes; `heard` is told the body of a good answer, else `unheard`."""

    kind: str
    data: bytes
    heard: Callable[[bytes], None] | None = None
    unheard: Callable[[], None] | None = None
    due: float = 0.0


@dataclass(slots=True)
class Sample:
    """What came of one request; times in seconds of `time.monotonic`."""

    kind: str
    status: int
    due: float
    took: float


class Connection(asyncio.Protocol):
    """One at a time is sent and answered."""

    def __init__(self, generator: "Generator") -> None:
        self.generator = generator
        self.transport: asyncio.Transport | None = None
        self.request: Request | None = None
        self.buffer = bytearray()
        self.needed = -1  # bytes of the whole answer, once its head is there

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: Request) -> None:
        self.request, self.needed = request, -1
        self.buffer.clear()
        assert self.transport is not None
        self.transport.write(request.data)

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.needed < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            found = LENGTH.search(self.buffer, 0, end)
            self.needed = end + 4 + (int(found[1]) if found else 0)
        if len(self.buffer) >= self.needed and self.request:
            self.answered()

    def answered(self) -> None:
        request, self.request = self.request, None
        assert request is not None
        status = int(self.buffer[9:12])
        head = bytes(self.buffer[: self.buffer.find(b"\r\n\r\n")]).lower()
        self.generator.note(request, status)
        if status < 300 and request.heard:
            request.heard(bytes(self.buffer).partition(b"\r\n\r\n")[2])
        if b"connection: close" in head:
            self.close()
        else:
            self.generator.is_free(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.generator.is_lost(self)
        request, self.request = self.request, None
        if request:
            self.generator.note(request, BROKEN)

    def close(self) -> None:
        if self.transport:
            self.transport.close()


@dataclass
class Generator:
    """Sends what `choose` gives to a port of this machine."""

    port: int
    choose: Callable[[], Request]
    samples: list[Sample] = field(default_factory=list)
    _free: list[Connection] = field(default_factory=list)
    _all: set[Connection] = field(default_factory=set)
    _waiting: deque[Request] = field(default_factory=deque)
    _opening: int = 0
    _closed: bool = False

    def note(self, request: Request, status: int) -> None:
        now = time.monotonic()
        self.samples.append(Sample(request.kind, status, request.due, now - request.due))
        if not 200 <= status < 300 and request.unheard:
            request.unheard()

    def is_free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        elif not self._closed:
            self._free.append(connection)

    def is_lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)

    def _submit(self, due: float) -> None:
        request = self.choose()
        request.due = due
        if self._free:
            self._free.pop().send(request)
            return
        self._waiting.append(request)
        if len(self._all) + self._opening < MOST:
            self._opening += 1
            task = asyncio.ensure_future(self._open())
            task.add_done_callback(lambda done: done.exception())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self.port, family=socket.AF_INET
            )
        except OSError:
            if self._waiting:
                self.note(self._waiting.popleft(), BROKEN)
            return
        finally:
            self._opening -= 1
        self._all.add(connection)
        self.is_free(connection)

    async def hold(self, rate: float, seconds: float) -> None:
        """Send `rate` requests a second for so long, then wait for the last answers."""
        began, sent = time.monotonic(), 0
        while (now := time.monotonic()) < began + seconds:
            goal = int((now - began) * rate)
            for number in range(sent, goal):
                self._submit(began + number / rate)
            sent = max(sent, goal)
            await asyncio.sleep(TICK)
        await self._settle()

    async def saturate(self, connections: int, seconds: float) -> float:
        """Keep so many busy, and return how many requests a second were answered."""
        began, before = time.monotonic(), len(self.samples)
        while (now := time.monotonic()) < began + seconds:
            for _ in range(connections - self._in_flight()):
                self._submit(now)
            await asyncio.sleep(0.001)
        count = len(self.samples) - before
        await self._settle()
        return count / seconds

    def _in_flight(self) -> int:
        return len(self._all) - len(self._free) + len(self._waiting)

    async def _settle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (self._in_flight() or self._opening) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._all):
            if connection.request:
                request, connection.request = connection.request, None
                self.note(request, LATE)
                connection.close()

    def close(self) -> None:
        self._closed = True
        for connection in list(self._all):
            connection.close()
