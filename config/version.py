"""Which version of the service this is."""

import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def read_version(file: Path = PYPROJECT) -> str:
    """Return the version that the project's file says; an image may lack it."""
    try:
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


VERSION = read_version()
