"""Whether other users of the machine can read what an installation keeps."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning as CheckWarning

EXPOSED = "config.W001"


def check_files(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Say which files with accounts, keys or secrets are open to every user of this machine."""
    return [
        CheckWarning(
            f"Every user of this machine can read {path}.",
            hint=f"chmod o-rwx {path}, or the folder it is in.",
            id=EXPOSED,
        )
        for path in kept_files()
        if is_exposed(path)
    ]


def kept_files() -> Iterator[Path]:
    yield from sorted(settings.VAR_DIR.glob("signing_keys/*"))
    yield from (settings.VAR_DIR / name for name in ("secret_key", "demo_password"))
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Path(settings.DATABASES["default"]["NAME"])


def is_exposed(path: Path) -> bool:
    """Tell whether others may read it: its own mode lets them, and that of every folder above."""
    try:
        modes = [one.stat().st_mode for one in (path, *path.resolve().parents)]
    except OSError:
        return False  # not there, or not to be seen
    return bool(modes[0] & stat.S_IROTH) and all(mode & stat.S_IXOTH for mode in modes[1:])
