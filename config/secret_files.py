"""Secrets that an installation makes for itself and keeps."""

import os
import secrets
import tempfile
from pathlib import Path


def kept_secret(file: Path, *, size: int) -> str:
    """Return the secret in `file`, made of `size` random bytes on first use.

    The file has mode 0600 and is there whole or not at all; of two first starts at once one wins
    and both read the winner's.
    """
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent)  # 0600 by itself
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(size))
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return file.read_text(encoding="utf-8").strip()
