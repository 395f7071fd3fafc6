"""The servers that are measured, and wrk that measures them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import usage
from tests.live.conftest import BASE_DIR, Service
from tests.mails import free_port

SCRIPT = Path(__file__).with_name("wrk.lua")
STARTS = 60  # seconds after which a server is taken for broken


@dataclass(frozen=True)
class Server:
    """One that answers; `took` is in seconds from its start to its first answer."""

    name: str
    service: Service
    pid: int
    took: float


@dataclass(frozen=True)
class Figures:
    """What one round of load gave; times in ms, `cpu` for one request."""

    requests: float  # a second
    p50: float
    p99: float
    cpu: float
    count: int
    p95: float = 0.0


@contextmanager
def running(
    name: str, module: list[str], environment: dict[str, str], log: Path, *, probe: str
) -> Iterator[Server]:
    """Run `python -m ...` until it is ready, which `probe` tells by any answer below 500."""
    port = free_port()
    command = [sys.executable, "-m", *module, str(port)]
    started = time.perf_counter()
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=BASE_DIR, stdout=stream, stderr=stream
        )
    service = Service(port, log)
    try:
        while not is_ready(service, probe):
            if process.poll() is not None or time.perf_counter() - started > STARTS:
                raise RuntimeError(log.read_text())
            time.sleep(0.01)
        yield Server(name, service, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(timeout=40)


def is_ready(service: Service, probe: str) -> bool:
    try:
        return service.call("GET", probe).status < 500
    except OSError:
        return False


def load(
    server: Server, path: str, seconds: float, *, connections: int, threads: int = 1, **sent: str
) -> Figures:
    """Let wrk ask for `seconds`; `sent` is what wrk.lua reads. Raises where an answer is bad."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s",
               "-s", str(SCRIPT), server.service.origin + path]  # fmt: skip
    before = usage.cpu_seconds(server.pid)
    printed = subprocess.run(
        command, env=os.environ | sent, check=True, capture_output=True, text=True
    ).stdout
    cpu = usage.cpu_seconds(server.pid) - before
    found = re.search(r"JSON(\{.*\})", printed)
    if found is None:
        raise RuntimeError(printed)
    told = json.loads(found[1])
    if told["bad"] or not told["requests"]:
        raise RuntimeError(f"{server.name} {path}: {told}")
    count = told["requests"]
    p50, p95, p99 = (told[name] / 1000 for name in ("p50", "p95", "p99"))
    return Figures(count / told["us"] * 1e6, p50, p99, cpu / count * 1000, count, p95)
