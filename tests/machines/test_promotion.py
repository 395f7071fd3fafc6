"""The primary loses power under load: its replica is promoted, and nothing acknowledged is lost."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from tests.live.conftest import BASE_DIR, PASSWORD, Service
from tests.machines.conftest import Machines, host
from tests.machines.engines import Postgres, replicated, until

WRITERS = 4


@pytest.fixture
def pair(machines: Machines) -> Iterator[tuple[Postgres, Postgres]]:
    """Lend servers that may be spoiled, with what the others have."""
    with replicated(like=machines.primary) as servers:
        yield servers


class Stream:
    """Users created one after the other by some threads until `end`; what became of each."""

    def __init__(self, hosts: list[Service]) -> None:
        self.acknowledged: list[tuple[float, str]] = []
        self.refused: list[int] = []
        self.unheard = 0
        self._is_over = Event()
        self._pool = ThreadPoolExecutor(WRITERS)
        self._jobs = [
            self._pool.submit(self._write, number, one)
            for number, one in zip(range(WRITERS), itertools.cycle(hosts), strict=False)
        ]

    def _write(self, writer: int, service: Service) -> None:
        token = service.log_in()["access"]
        for number in itertools.count():
            if self._is_over.is_set():
                return
            email = f"w{writer}-{number}@example.com"
            body = {"name": "N", "email": email, "client_id": None, "invite": True}
            try:
                status = service.call("POST", "/users", body, token=token).status
            except OSError:
                self.unheard += 1
                continue
            if status == 201:
                self.acknowledged.append((time.monotonic(), email))
            else:
                self.refused.append(status)
                time.sleep(0.1)  # as a client would

    def end(self) -> None:
        self._is_over.set()
        for job in self._jobs:
            job.result()
        self._pool.shutdown()


def test_promotion_is_followed_and_loses_nothing(
    pair: tuple[Postgres, Postgres],
    machines: Machines,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    primary, replica = pair
    environment = machines.environment | {
        "DATABASE_URL": f"postgres://roster@{primary.place},{replica.place}/postgres"
        "?target_session_attrs=read-write",
        "DATABASE_REPLICA_URL": replica.url,
    }
    with ExitStack() as stack:
        hosts = [stack.enter_context(host(environment, tmp_path / f"{n}.log")) for n in (1, 2)]
        before = hosts[0].log_in()["access"]
        stream = Stream(hosts)
        until(lambda: len(stream.acknowledged) > 50)

        primary.kill()
        killed = time.monotonic()
        replica.ask("SELECT pg_promote()")
        promoted = time.monotonic()
        again = until(lambda: stream.acknowledged[-1][0] > promoted) + promoted - killed
        at_promotion = len(stream.acknowledged)
        until(lambda: len(stream.acknowledged) > at_promotion + 50)
        stream.end()

        kept = set(str(replica.ask("SELECT string_agg(email, ' ') FROM users")).split())
        lost = {email for _, email in stream.acknowledged} - kept
        with capsys.disabled():
            print(  # noqa: T201 # what the claim rests on
                f"\nacknowledged {len(stream.acknowledged)}, lost {len(lost)}, "
                f"refused {len(stream.refused)}, unheard {stream.unheard}, "
                f"writes again after {again:.1f} s"
            )
        assert not lost
        assert set(stream.refused) <= {503}
        for one in hosts:  # and the replica's address is now that of the primary
            assert one.call("GET", "/users", token=before).json["count"] == len(kept)
            assert one.log_in(password=PASSWORD)
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify_audit"], env=environment, cwd=BASE_DIR,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
