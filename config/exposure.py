"""Whether other users of the machine can read, or alter, what an installation keeps."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning as CheckWarning

EXPOSED, ALTERABLE = "config.W001", "config.W002"
BESIDE_SQLITES = ("", "-wal", "-shm", "-journal")  # what it has not yet moved into the file itself
# What a container is given is often open to all in it, as by Docker Swarm: Roster alone is.
GIVEN_TO_CONTAINERS = Path("/run/secrets")


def check_files(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Say which files with accounts, keys or secrets are open to every user of this machine.

    And where any of them could alter such a file, or put one of theirs in its place.
    """
    files = [path for path in kept_files() if os.path.exists(path)]  # False, too, if not to be seen
    return [
        *(
            _warning(EXPOSED, "read", path, "o-rwx")
            for path in files
            if others_may(stat.S_IROTH, path)
        ),
        *(
            _warning(ALTERABLE, "write to", path, "o-w")
            for path in (*files, *folders_of(files))
            if others_may(stat.S_IWOTH, path)
        ),
    ]


def _warning(code: str, act: str, path: Path, change: str) -> CheckMessage:
    return CheckWarning(
        f"Every user of this machine can {act} {path}.",
        hint=f"chmod {change} {path}. What Roster needs of it, it must have as owner or by group.",
        id=code,
    )


def kept_files() -> Iterator[Path]:
    yield from sorted(settings.VAR_DIR.glob("signing_keys/*"))
    yield from (settings.VAR_DIR / name for name in ("secret_key", "demo_password"))
    yield from (one for one in settings.SECRET_FILES if not one.is_relative_to(GIVEN_TO_CONTAINERS))
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        name = settings.DATABASES["default"]["NAME"]
        yield from (Path(f"{name}{end}") for end in BESIDE_SQLITES)


def folders_of(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the folders whose writers can bring in keys, or rename what leads to these files."""
    ours = [settings.VAR_DIR, settings.VAR_DIR / "signing_keys"]
    ours = [path.resolve() for path in ours if os.path.exists(path)]
    yield from ours
    above = {folder for path in (*files, *ours) for folder in path.resolve().parents}
    yield from (folder for folder in sorted(above.difference(ours)) if not is_sticky(folder))


def is_sticky(folder: Path) -> bool:
    """Tell whether all may rename there only what is their own, as in /tmp."""
    return bool(folder.stat().st_mode & stat.S_ISVTX)


def others_may(right: int, path: Path) -> bool:
    """Tell whether others have the right: its own mode lets them, and all folders above, too."""
    try:
        modes = [one.stat().st_mode for one in (path, *path.resolve().parents)]
    except OSError:
        return False  # not there, or not to be seen
    if stat.S_ISDIR(modes[0]):
        right |= stat.S_IXOTH
    return modes[0] & right == right and all(mode & stat.S_IXOTH for mode in modes[1:])
