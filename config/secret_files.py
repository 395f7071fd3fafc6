"""Secrets that an installation makes for itself and keeps."""

import os
import secrets
import tempfile
from pathlib import Path


def kept_secret(file: Path, *, size: int) -> str:
    """Return the secret in `file`, made of `size` random bytes on first use.

    Of two first starts at once one wins and both read the winner's.
    """
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(file, secrets.token_urlsafe(size))
    return file.read_text(encoding="utf-8").strip()


def write_new(file: Path, text: str) -> bool:
    """Make the file, mode 0600, whole or not at all; False, and nothing done, if it is there."""
    handle, draft = tempfile.mkstemp(dir=file.parent)  # 0600 by itself
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(handle)  # or the name may outlive a power cut and the content not
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True
