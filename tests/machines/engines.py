"""PostgreSQL with a streaming replica, and PgBouncer, each as a process of the tests' own."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.cluster import find_binaries
from tests.mails import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer"
# One that keeps prepared statements (from 1.21 on), where the system's does not: .ci/run builds it.
NEWER_PGBOUNCER = os.environ.get("PGBOUNCER") or PGBOUNCER
HAS_SERVERS = any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")
AS_OWNER = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []


class Postgres:
    """One server, in a folder of its own; `start` it, or `follow` another and then start it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.port = folder, name, free_port()
        self.data = folder / name

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgres://roster@{self.place}/postgres"

    def create(self, *settings: str) -> None:
        self.run("initdb", "-D", self.data, "-U", "roster", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8")  # fmt: skip
        # Any but UTC: who relies on the server's time zone shows.
        lines = ["timezone = 'Asia/Kolkata'", "max_connections = 100", "shared_buffers = 32MB"]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*lines, *settings, ""]))

    def follow(self, primary: "Postgres") -> None:
        """Become its streaming replica, which its `synchronous_standby_names` may name."""
        where = f"host=127.0.0.1 port={primary.port} user=roster application_name={self.name}"
        self.run("pg_basebackup", "-d", where, "-D", self.data, "-R", "-c", "fast")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / f"{self.name}.log", "-o", options,
                 "-w", "start")  # fmt: skip

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it may not be running
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """End all its processes, as when the machine loses power."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send this to all its processes."""
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for pid in [server, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def ask(self, sql: str) -> Any:
        """Return the first column of the first row, if there is any."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(sql.encode())
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]

    def run(self, program: str, *arguments: object) -> None:
        command = [*AS_OWNER, find_binaries() / program, *arguments]
        subprocess.run(
            [*map(str, command)], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def folder_of_servers() -> Iterator[Path]:
    """Lend a folder in which servers can write, whoever runs the tests."""
    with tempfile.TemporaryDirectory(prefix="machines-", ignore_cleanup_errors=True) as name:
        if AS_OWNER:
            shutil.chown(name, "postgres")
        yield Path(name)


@contextmanager
def replicated(like: Postgres | None = None) -> Iterator[tuple[Postgres, Postgres]]:
    """Lend a primary, and a replica that has on disk whatever the primary has acknowledged.

    They are empty, or have what another server has at this moment.
    """
    with folder_of_servers() as folder:
        primary, replica = Postgres(folder, "first"), Postgres(folder, "second")
        try:
            if like is None:
                primary.create()
            else:
                primary.follow(like)
            primary.start()
            if like is not None:
                primary.ask("ALTER SYSTEM RESET synchronous_standby_names")
                primary.ask("SELECT pg_promote(), pg_reload_conf()")
            replica.follow(primary)
            replica.start()
            primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'second'")
            primary.ask("SELECT pg_reload_conf()")
            until(lambda: primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync")
            yield primary, replica
        finally:
            replica.stop()
            primary.stop()


@contextmanager
def pgbouncer(
    server: Postgres, *, size: int, program: str = PGBOUNCER, settings: str = ""
) -> Iterator[str]:
    """Lend the URL of a pooler in transaction mode with `size` connections of the server."""
    port = free_port()
    config = server.folder / f"pgbouncer-{port}.ini"
    config.write_text(
        "[databases]\n"
        f"postgres = host=127.0.0.1 port={server.port} user=roster\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\nmax_client_conn = 200\n"
        f"default_pool_size = {size}\n{settings}\n"
    )
    config.chmod(0o644)
    log = config.with_suffix(".log")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*AS_OWNER, program, str(config)], stdout=stream, stderr=subprocess.STDOUT
        )
    url = f"postgres://roster@127.0.0.1:{port}/postgres"
    try:
        until(lambda: answers(url), log=log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def until(is_so: Callable[[], object], *, seconds: float = 30, log: Path | None = None) -> float:
    """Wait until it is so; return how long that took."""
    started = time.monotonic()
    while not is_so():
        waited = time.monotonic() - started
        assert waited < seconds, log.read_text() if log else f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


def keeps_statements(program: str) -> bool:
    """Tell whether this PgBouncer keeps prepared statements in its transaction mode."""
    if shutil.which(program) is None:
        return False
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    major, minor = printed.stdout.split()[1].split(".")[:2]
    return (int(major), int(minor)) >= (1, 21)
