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

from config.exposure import ALTERABLE, EXPOSED, check_files, kept_files, others_may

KEPT = ["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "db.sqlite3-journal", "demo_password"]
KEPT += ["secret_key", "signing_keys/1-a.pem", "given/audit_key"]
FOLDERS = ["", "signing_keys", "given"]
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
    for name in ("signing_keys", "given"):
        (folder / name).mkdir()
        (folder / name).chmod(0o755)
    for name in KEPT:
        (folder / name).touch(mode=0o600)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    monkeypatch.setattr(settings, "VAR_DIR", folder)
    monkeypatch.setattr(settings, "SECRET_FILES", [folder / "given" / "audit_key"])
    monkeypatch.setitem(settings.DATABASES, "default", database)
    return folder


def test_what_its_owner_alone_can_read_is_not_told(kept: Path) -> None:
    assert check_files() == []


@pytest.mark.parametrize("name", KEPT)
def test_what_everybody_can_read_is_told(name: str, kept: Path) -> None:
    (kept / name).chmod(0o644)

    (told,) = check_files()

    assert told.id == EXPOSED
    assert told.msg == f"Every user of this machine can read {kept / name}."
    assert f"chmod o-rwx {kept / name}." in str(told.hint)


@pytest.mark.parametrize("name", KEPT + FOLDERS)
def test_where_everybody_can_write_is_told(name: str, kept: Path) -> None:
    path = kept / name
    path.chmod(0o777 if path.is_dir() else 0o602)

    (told,) = check_files()

    assert told.id == ALTERABLE
    assert told.msg == f"Every user of this machine can write to {path}."
    assert f"chmod o-w {path}." in str(told.hint)


def test_folder_in_which_others_can_rename_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = kept / "given" / "inner"
    inner.mkdir(mode=0o700)
    monkeypatch.setattr(settings, "VAR_DIR", inner)
    (kept / "given").chmod(0o777)
    assert [told.id for told in check_files()] == [ALTERABLE]

    (kept / "given").chmod(0o1777)  # as /tmp: nobody can rename what is ours

    assert check_files() == []


def test_keys_that_anybody_could_add_are_told_whatever_they_can_rename(kept: Path) -> None:
    (kept / "signing_keys").chmod(0o1777)

    assert [told.id for told in check_files()] == [ALTERABLE]


def test_what_a_container_is_given_is_for_all_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECRET_FILES", [Path("/run/secrets/key"), Path("/run/key")])

    assert Path("/run/key") in kept_files()
    assert Path("/run/secrets/key") not in kept_files()


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

    assert others_may(stat.S_IROTH, path) is exposed
    (folder / "above").chmod(0o755)  # so that it can be removed


def test_what_is_not_there_is_not_exposed(folder: Path) -> None:
    assert not others_may(stat.S_IROTH, folder / "nothing")


def test_a_deployment_is_told(folder: Path) -> None:
    database, key = folder / "db.sqlite3", folder / "key"
    key.write_text("k" * 20 + "-of-a-test-that-is-long-enough-1")
    for file in (database, key):
        file.touch()
        file.chmod(0o644)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "",
        "SECRET_KEY_FILE": str(key),
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    for file in (database, key):
        assert f"(config.W001) Every user of this machine can read {file}." in done.stderr
