"""A PostgreSQL that is killed and started again, as durable as it comes: nothing is turned off."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.bench.cluster import find_binaries, run
from tests.bench.usage import tree
from tests.mails import free_port

STARTS = 60  # seconds after which a server is taken for broken
NAME = "accounts"


@dataclass(frozen=True)
class Cluster:
    """One server of PostgreSQL; `folder` belongs to the user as whom it runs."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgres://roster@127.0.0.1:{self.port}/{NAME}"

    def start(self, **settings: str) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        options += "".join(f" -c {name}={value}" for name, value in settings.items())
        binary, log = find_binaries() / "pg_ctl", self.folder / "log"
        run(self.folder, binary, "-D", self.data, "-l", log, "-o", options, "-w", "start")

    def kill(self) -> None:
        """End it as a crash does: postmaster and all below it at once, nothing written."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        pids = tree(postmaster)
        for pid in pids:  # the postmaster first: it would start the others anew
            send(pid, signal.SIGKILL)
        deadline = time.monotonic() + STARTS
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it as an operator does who has no time: connections are ended."""
        run(self.folder, find_binaries() / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def is_running(self) -> bool:
        binary = str(find_binaries() / "pg_isready")
        command = [binary, "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(command, check=False).returncode == 0

    def create(self) -> None:
        with psycopg.connect(self.url.replace(f"/{NAME}", "/postgres"), autocommit=True) as opened:
            opened.execute(f"CREATE DATABASE {NAME}")

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def emails(self) -> set[str]:
        with self.connect() as connection:
            return {str(row[0]) for row in connection.execute("SELECT email FROM users")}


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process of ours that may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def cluster(folder: Path | None = None, **settings: str) -> Iterator[Cluster]:
    """Lend a server with an empty database, in a folder of its own or in this one."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        if getpass.getuser() == "root":  # as whom PostgreSQL does not run
            shutil.chown(made, "postgres")
        one = Cluster(Path(made), free_port())
        run(one.folder, find_binaries() / "initdb", "-D", one.data, "-U", "roster", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip
        one.start(**settings)
        try:
            one.create()
            yield one
        finally:
            if one.is_running():
                one.kill()
