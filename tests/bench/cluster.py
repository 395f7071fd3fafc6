"""A PostgreSQL of its own, where `TEST_DATABASE_URL` names none."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mails import free_port


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Lend the URL of the server of the environment, or of one that is started for this."""
    url = os.environ["DATABASE_URL"]
    if not url.startswith("sqlite"):
        yield url
        return
    binaries, port = find_binaries(), free_port()
    data, log = folder / "data", folder / "log"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    if getpass.getuser() == "root":  # as whom PostgreSQL does not run
        shutil.chown(folder, "postgres")
    run(folder, binaries / "initdb", "-D", data, "-U", "roster", "-A", "trust", "-E", "UTF8",
        "--locale=C.UTF-8")  # fmt: skip
    run(folder, binaries / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
    try:
        yield f"postgres://roster@127.0.0.1:{port}/postgres"
    finally:
        run(folder, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def find_binaries() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    found = shutil.which("initdb")
    if found is None and not versions:
        sys.exit("There is no PostgreSQL: apt-get install postgresql, or set TEST_DATABASE_URL.")
    return Path(found).resolve().parent if found else versions[-1]


def run(folder: Path, *command: object) -> None:
    before = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []
    words = [*before, *map(str, command)]
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
