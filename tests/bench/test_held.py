"""What `make load` sends, and what it lets pass."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.bench.held import Minute, is_fine, judge, judge_overload
from tests.bench.open_loop import BROKEN, LATE, Generator, Request, Sample

GOOD = Minute(100, 5, 20, Counter({200: 6000, 401: 1}), 200, 19)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (GOOD, []),
        (replace(GOOD, p99=29), ["p99 drifts"]),
        (replace(GOOD, memory=211), ["memory grows"]),
        (replace(GOOD, connections=20), ["at most 19 connections"]),
        (replace(GOOD, statuses=Counter({200: 1, 503: 1})), ["no 5xx"]),
        (replace(GOOD, statuses=Counter({200: 1, BROKEN: 1})), ["no 5xx"]),
    ],
    ids=["good", "slower", "larger", "connections", "5xx", "broken"],
)
def test_each_claim_is_judged(last: Minute, expected: list[str]) -> None:
    faults = judge([GOOD] * 5 + [last])

    assert len(faults) == len(expected)
    assert all(claim in fault for fault, claim in zip(faults, expected, strict=True))


def test_only_429_and_503_may_be_said_in_an_overload() -> None:
    statuses = (200, 201, 401, 429, 500, 502, 503, BROKEN)

    assert [status for status in statuses if is_fine(status)] == [200, 201, 429, 503]


def samples(status: int = 200, took: float = 0.02) -> list[Sample]:
    return [Sample("current", status, 0.0, took)] * 100


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"statuses": Counter({200: 1000, 500: 1})}, ["only 2xx"]),
        ({"statuses": Counter({200: 999, 503: 9000})}, ["as many are served"]),
        ({"current": samples(took=0.6)}, ["takes less than 500 ms"]),
        ({"late": samples() + samples(503)[:1]}, ["nobody is refused"]),
        ({"late": samples() + samples(BROKEN)[:1]}, ["nobody is refused"]),
        ({"late": samples() + samples(LATE)[:1]}, ["nobody is refused"]),
        ({"late": []}, ["nobody is refused"]),
        ({"late": samples(took=0.05)}, ["as fast as before"]),
    ],
    ids=["good", "500", "few", "slow", "refused", "broken", "late", "nobody", "slower"],
)
def test_each_claim_of_an_overload_is_judged(changed: dict[str, Any], expected: list[str]) -> None:
    good = {"statuses": Counter({200: 1000, 503: 9000}), "least": 1000, "usual": 24}
    faults = judge_overload(**{**good, "current": samples(), "late": samples(), **changed})

    assert len(faults) == len(expected)
    assert all(claim in fault for fault, claim in zip(faults, expected, strict=True))


ANSWER = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n%b\r\n{}"


async def served(answers: Sequence[bytes], rate: float, seconds: float) -> list[Sample]:
    """Hold a load on a server that gives these in turn, whole or in halves."""
    turn = iter(range(10**9))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            answer = answers[next(turn) % len(answers)]
            for half in (answer[:20], answer[20:]):
                writer.write(half)
                await writer.drain()
                await asyncio.sleep(0)
            if not answer:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    generator = Generator(server.sockets[0].getsockname()[1], lambda: Request("one", request))
    await generator.hold(rate, seconds)
    generator.close()
    server.close()
    return generator.samples


def test_rate_is_kept_and_each_answer_is_noted() -> None:
    answers = [ANSWER % (200, b""), ANSWER % (503, b"Connection: close\r\n"), b""]
    samples = asyncio.run(served(answers, 100, 1.5))

    assert 140 <= len(samples) <= 150
    assert {one.status for one in samples} == {200, 503, BROKEN}
    dues = sorted(one.due for one in samples)
    assert {round(later - due, 4) for due, later in pairwise(dues)} == {0.01}
