"""Copies of the whole database: made while Roster serves, put back into an empty one.

SQLite: `VACUUM INTO`, a database file as it was at one moment. PostgreSQL: `pg_dump` in its custom
format, one snapshot; its programs are found in `PATH`. Neither holds what stands in files and
settings: `SECRET_KEY`, `AUDIT_KEY`, keys that sign.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from config.files import copy_all

SQLITE_MARK, POSTGRESQL_MARK = b"SQLite format 3\0", b"PGDMP"


class Unusable(Exception):
    """It cannot be done, for the reason given; nothing has been changed."""


def make_backup(file: IO[bytes]) -> None:
    """Write all of the database, as it is at one moment, into the file.

    Raises `Unusable` where it cannot be made; what the file then holds is no backup.
    """
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory(dir=_folder_of(file)) as folder:
            copy = Path(folder) / "copy"
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(copy)])
            with copy.open("rb") as made:
                copy_all(made, file)
    else:
        options = ["--format=custom", "--no-owner", "--no-privileges"]
        _run("pg_dump", *options, stdin=subprocess.DEVNULL, stdout=file)


def put_back(file: IO[bytes]) -> None:
    """Fill the empty database with what `make_backup` wrote, all of it or nothing.

    Raises `Unusable` where the database is not empty, or the file no whole backup of its kind.
    """
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # pg_restore reads on where the descriptor stands
    mark = os.pread(file.fileno(), 16, 0)
    if mark != SQLITE_MARK and not mark.startswith(POSTGRESQL_MARK):
        raise Unusable("This is no backup.")
    if (mark == SQLITE_MARK) != (connection.vendor == "sqlite"):
        made_of = "SQLite" if mark == SQLITE_MARK else "PostgreSQL"
        raise Unusable(f"This is a backup of {made_of}, and the database is none.")
    if tables := connection.introspection.table_names():
        raise Unusable(f"The database is not empty, it has {len(tables)} tables: give a new one.")
    if connection.vendor == "sqlite":
        _fill(file)
    else:
        options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        _run("pg_restore", *options, stdin=file, stdout=subprocess.DEVNULL)


def _folder_of(file: IO[bytes]) -> Path | None:
    """Return the folder where there is room for a copy: the file's own, where it has one."""
    name = file.name
    is_path = isinstance(name, str) and Path(name).is_file()
    return Path(name).parent if is_path else None


def _fill(file: IO[bytes]) -> None:
    connection.ensure_connection()
    target: Any = connection.connection
    with tempfile.NamedTemporaryFile() as copy:
        file.seek(0)
        copy_all(file, copy)
        copy.flush()
        try:
            with closing(sqlite3.connect(f"file:{copy.name}?mode=ro", uri=True)) as source:
                (found,) = source.execute("PRAGMA integrity_check").fetchone()
                if found != "ok":
                    raise Unusable("This backup is damaged.")
                source.backup(target)
        except sqlite3.DatabaseError as fault:
            is_full = getattr(fault, "sqlite_errorname", "") == "SQLITE_FULL"
            reason = "There is no room for it." if is_full else "This backup is damaged."
            raise Unusable(reason) from None


def _run(program: str, *options: str, **files: Any) -> None:
    """Run one of PostgreSQL's programs on our database; `files` as `subprocess.run` has them."""
    found = shutil.which(program)
    if found is None:
        raise Unusable(f"{program} is not in PATH: install PostgreSQL's client programs.")
    given: dict[str, Any] = connection.get_connection_params()
    # Without the password, which `ps` would show, and without what is psycopg's own.
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} - {"password"}
    place = make_conninfo(**{name: value for name, value in given.items() if name in known})
    done = subprocess.run(  # noqa: S603 # options of ours
        [found, *options, f"--dbname={place}"],
        env=os.environ | ({"PGPASSWORD": given["password"]} if given.get("password") else {}),
        stderr=subprocess.PIPE,
        check=False,
        **files,
    )
    if done.returncode:
        raise Unusable(done.stderr.decode(errors="replace").strip() or f"{program} has failed.")
