"""Files of commands: the names of people are in them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError

STANDARD = "-"


@contextmanager
def written_whole(name: str) -> Iterator[IO[bytes]]:
    """Lend a file that takes this name, readable by its owner alone, once all of it is there.

    `-` is the standard output. Raises `CommandError` where it cannot be written.
    """
    if name == STANDARD:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as fault:
            # Python would flush what is left once more, and fail once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(fault, BrokenPipeError):  # who reads it has enough
                raise CommandError(f"Standard output: {reason_of(fault)}") from None
        return
    path = Path(name).resolve()
    try:
        if path.exists() and not path.is_file():  # a device or a pipe: nothing to rename
            with path.open("wb") as file:
                yield file
            return
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as fault:
        raise CommandError(f"{name}: {reason_of(fault)}") from None


@contextmanager
def read_from_start(name: str) -> Iterator[IO[bytes]]:
    """Lend a file to read, seekable even where it is the standard input (`-`)."""
    with tempfile.TemporaryFile() as copy:
        try:
            if name != STANDARD:
                with Path(name).open("rb") as file:
                    if file.seekable():
                        yield file
                        return
                    copy_all(file, copy)
            else:
                copy_all(sys.stdin.buffer, copy)
        except OSError as fault:
            raise CommandError(f"{name}: {reason_of(fault)}") from None
        yield copy


def reason_of(fault: OSError) -> str:
    return fault.strerror or str(fault)


def copy_all(source: IO[bytes], target: IO[bytes]) -> None:
    for chunk in iter(lambda: source.read(1 << 16), b""):
        target.write(chunk)
