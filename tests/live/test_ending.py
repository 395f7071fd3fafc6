"""How the server ends when it is told to early, or is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.conftest import BASE_DIR, Service, wait_until_ready
from tests.mails import free_port

pytestmark = pytest.mark.xdist_group("live")
SOON = 15  # seconds; a worker that has to be killed takes 30


class Run:
    """A server of its own; `process` is the main one."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.service = Service(free_port(), log)
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.server", "--port", str(self.service.port)],
                env=environment, cwd=BASE_DIR, stdout=stream, stderr=stream,
            )  # fmt: skip


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Iterator[Run]:
    started = Run(environment, tmp_path / "log")
    yield started
    started.process.kill()
    started.process.wait()


def until(claim: Callable[[], bool], seconds: float = SOON) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("turn", range(3))  # what this is about happens now and then
def test_told_while_its_workers_are_starting_it_ends_at_once(run: Run, turn: int) -> None:
    until(lambda: "Spawning worker-1" in run.service.log.read_text(), seconds=60)

    run.process.terminate()

    assert run.process.wait(timeout=SOON) == 0
    assert is_free(run.service.port)


FORKED = """
import os, signal, sys
from config import draining

def is_held():
    return signal.pthread_sigmask(signal.SIG_BLOCK, []) >= draining.HELD

os.register_at_fork(after_in_child=lambda: os._exit(0 if is_held() else 1))
draining.lead()
status = os.waitstatus_to_exitcode(os.waitpid(os.fork(), 0)[1])
sys.exit(status or is_held())
"""


def test_what_a_worker_is_told_is_held_from_before_it_is_there_and_heard_by_the_main_one(
    environment: dict[str, str],
) -> None:
    subprocess.run([sys.executable, "-c", FORKED], cwd=BASE_DIR, env=environment, check=True)


TOLD_TOO_SOON = """
import asyncio, os, signal, sys, uvloop
from config import draining

draining.lead()
if worker := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
loop, is_stopped = uvloop.new_event_loop(), asyncio.Event()
loop.add_signal_handler(signal.SIGTERM, is_stopped.set)
os.kill(os.getpid(), signal.Signals[sys.argv[1]])
draining.listen(loop)

async def hear():
    while not (is_stopped.is_set() or draining.is_draining()):
        await asyncio.sleep(0.01)

loop.run_until_complete(asyncio.wait_for(hear(), 10))
"""


@pytest.mark.parametrize("word", ["SIGTERM", "SIGUSR1"])
def test_a_worker_that_is_told_before_its_loop_runs_hears_it(
    word: str, environment: dict[str, str]
) -> None:
    told = [sys.executable, "-c", TOLD_TOO_SOON, word]
    subprocess.run(told, cwd=BASE_DIR, env=environment, check=True)


def test_killed_it_leaves_nobody_behind_who_keeps_the_port(run: Run) -> None:
    wait_until_ready(run.service, run.process)

    os.kill(run.process.pid, signal.SIGKILL)

    until(lambda: is_free(run.service.port))


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
