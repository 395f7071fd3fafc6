"""What an installation keeps, and the other users of its machine."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config.exposure import EXPOSED, check_files, is_exposed

KEPT = ["db.sqlite3", "demo_password", "secret_key", "signing_keys/1-a.pem"]
OPEN_TO_ALL = [tempfile.gettempdir(), "/var/tmp", "/dev/shm"]  # noqa: S108 # we make one in there


@pytest.fixture
def folder() -> Iterator[Path]:
    """Lend a folder that everybody may enter, as are those above: pytest's own are not."""
    place = next((one for one in OPEN_TO_ALL if everybody_may_enter(Path(one))), None)
    if place is None:
        pytest.skip("no folder for temporary files that everybody may enter")
    with tempfile.TemporaryDirectory(dir=place) as made:
        Path(made).chmod(0o755)
        yield Path(made)


def everybody_may_enter(folder: Path) -> bool:
    folders = (folder, *folder.resolve().parents)
    return folder.is_dir() and all(one.stat().st_mode & stat.S_IXOTH for one in folders)


@pytest.fixture
def kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep everything there, for its owner alone."""
    (folder / "signing_keys").mkdir(mode=0o755)
    for name in KEPT:
        (folder / name).touch(mode=0o600)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    monkeypatch.setattr(settings, "VAR_DIR", folder)
    monkeypatch.setitem(settings.DATABASES, "default", database)
    return folder


def test_what_its_owner_alone_can_read_is_not_told(kept: Path) -> None:
    assert check_files() == []


@pytest.mark.parametrize("name", KEPT)
def test_what_everybody_can_read_is_told(name: str, kept: Path) -> None:
    (kept / name).chmod(0o644)

    (told,) = check_files()

    assert told.id == EXPOSED
    assert str(kept / name) in told.msg


@pytest.mark.parametrize(
    ("file", "above", "exposed"),
    [
        (0o644, 0o755, True),
        (0o604, 0o711, True),
        (0o640, 0o755, False),
        (0o644, 0o700, False),
        (0o644, 0o750, False),
    ],
)
def test_a_file_is_as_open_as_the_folders_above_it(
    file: int, above: int, exposed: bool, folder: Path
) -> None:
    path = folder / "above" / "folder" / "file"
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(file)
    path.parent.chmod(0o755)
    (folder / "above").chmod(above)

    assert is_exposed(path) is exposed
    (folder / "above").chmod(0o755)  # so that it can be removed


def test_what_is_not_there_is_not_exposed(folder: Path) -> None:
    assert not is_exposed(folder / "nothing")


def test_a_deployment_is_told(folder: Path) -> None:
    file = folder / "db.sqlite3"
    file.touch(mode=0o644)
    file.chmod(0o644)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{file}",
        "SECRET_KEY": "k" * 20 + "-of-a-test-that-is-long-enough-1",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"(config.W001) Every user of this machine can read {file}" in done.stderr
