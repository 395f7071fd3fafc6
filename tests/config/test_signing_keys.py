"""The keys that sign access tokens: made once, given, refused, rotated, seen by every process."""

import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from joserfc.jwk import RSAKey

from config.signing_keys import (
    GivenKeys,
    KeyDirectory,
    RotationPending,
    SigningKey,
    new_pem,
    read_pems,
)

LIFETIME = 15 * 60
START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = 60 * 60


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "var" / "signing_keys"


@pytest.fixture
def clock() -> Iterator[Callable[[float], None]]:
    """Let time stand at `START`; return what moves it to so many seconds after."""
    with time_machine.travel(START, tick=False) as traveller:
        yield lambda seconds: traveller.move_to(START + timedelta(seconds=seconds))


def process(directory: Path) -> KeyDirectory:
    """Return the keys as one more process has them."""
    return KeyDirectory(directory, lifetime=LIFETIME)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def kids(keys: KeyDirectory) -> list[str]:
    return [key.kid for key in keys.verifying()]


# Made here


def test_first_start_makes_a_key_for_its_owner_alone(directory: Path) -> None:
    first = process(directory).signing()

    assert process(directory).signing().kid == first.kid
    assert names(directory) == ["0.pem"]
    assert stat.S_IMODE((directory / "0.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert first.private.key_size == 2048


def test_first_starts_at_once_agree_on_one_key(directory: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from config.signing_keys import KeyDirectory; "
        "print(KeyDirectory(Path(sys.argv[1]), lifetime=900).signing().kid)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, directory],
            cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip

    printed = {one.communicate(timeout=60)[0].strip() for one in started}

    assert printed == {process(directory).signing().kid}
    assert names(directory) == ["0.pem"]


def test_key_id_is_the_thumbprint(directory: Path) -> None:
    key = process(directory).signing()

    assert RSAKey.import_key(key.jwk).thumbprint() == key.kid  # type: ignore[arg-type] # its types name no member
    assert len(key.kid) == 43


def test_published_key_has_nothing_private(directory: Path) -> None:
    jwk = process(directory).signing().jwk

    assert set(jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["e"], jwk["use"], jwk["alg"]) == ("RSA", "AQAB", "sig", "RS256")


# Given


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes = b"") -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, form, encryption).decode())


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return read_pems(new_pem())[0].private


def test_key_may_be_given_in_the_usual_forms(key: rsa.RSAPrivateKey) -> None:
    kid = SigningKey(key).kid
    plain, older = pem(key), pem(key, PrivateFormat.TraditionalOpenSSL)
    forms = [plain, older, plain.strip(), plain.replace("\n", "\r\n"), plain.replace("\n", "\\n")]

    for text in forms:
        assert [one.kid for one in read_pems(text)] == [kid]


def test_of_several_given_keys_the_first_signs_and_all_are_believed() -> None:
    first, second = read_pems(new_pem() + "\n" + new_pem())
    keys = GivenKeys([first, second, first])

    assert keys.signing() is first
    assert keys.verifying() == [first, second]
    assert [keys.find(kid) for kid in (second.kid, "x", "", None)] == [second, None, None, None]


def weak_pem() -> str:
    return pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 # to be refused


UNUSABLE: dict[str, tuple[Callable[[Any], str], str]] = {
    "nothing": (lambda key: "", "expected RSA private keys in PEM and nothing else"),
    "words": (lambda key: "hunter2secret", "expected RSA private keys in PEM and nothing else"),
    "words behind": (lambda key: pem(key) + "hunter2secret", "expected RSA private keys in PEM"),
    "half": (lambda key: pem(key)[:800], "expected RSA private keys in PEM and nothing else"),
    "damaged": (lambda key: pem(key).replace("M", "A"), "a PEM block is no private key"),
    "no base64": (
        lambda key: "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----",
        "a PEM block is no private key that can be used",
    ),
    "public": (
        lambda key: str(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        ),
        "a PEM block is no private key that can be used",
    ),
    "encrypted": (lambda key: pem(key, password=b"x"), "expected keys without a passphrase"),
    "weak": (lambda key: weak_pem(), "expected RSA keys of 2048 to 4096 bits, for RS256"),
    "of a curve": (
        lambda key: pem(ec.generate_private_key(ec.SECP256R1())),
        "expected RSA keys of 2048 to 4096 bits, for RS256",
    ),
    "of Edwards": (
        lambda key: pem(ed25519.Ed25519PrivateKey.generate()),
        "expected RSA keys of 2048 to 4096 bits, for RS256",
    ),
    "one good, one weak": (lambda key: pem(key) + weak_pem(), "expected RSA keys of 2048"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_key_is_refused_with_the_reason(case: str, key: rsa.RSAPrivateKey) -> None:
    make, reason = UNUSABLE[case]
    text = make(key)

    with pytest.raises(ValueError, match=reason) as refusal:
        read_pems(text)
    assert not any(line in str(refusal.value) for line in text.split() if len(line) > 12)


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_file_stops_the_start_by_its_name(
    case: str, key: rsa.RSAPrivateKey, directory: Path
) -> None:
    make, reason = UNUSABLE[case]
    directory.mkdir(parents=True)
    (directory / "0.pem").write_text(make(key))

    with pytest.raises(ImproperlyConfigured, match=rf"signing_keys/0\.pem: {reason}"):
        process(directory)
    assert names(directory) == ["0.pem"]


def test_file_holds_one_key(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "0.pem").write_text(new_pem() + new_pem())

    with pytest.raises(ImproperlyConfigured, match=r"0\.pem: expected one key"):
        process(directory)


def test_file_that_cannot_be_read_stops_the_start_by_its_name(directory: Path) -> None:
    (directory / "0.pem").mkdir(parents=True)

    with pytest.raises(ImproperlyConfigured, match=r"signing_keys/0\.pem"):
        process(directory)


def test_place_that_is_no_directory_stops_the_start(directory: Path) -> None:
    directory.parent.mkdir()
    directory.write_text("")

    with pytest.raises(ImproperlyConfigured, match="signing_keys"):
        process(directory)


def test_other_files_are_no_keys(directory: Path) -> None:
    directory.mkdir(parents=True)
    for name in ("tmpx", "00.pem", "01.pem", "+1.pem", "x.pem", "1.pem~", "\u0661.pem", "1.key"):
        (directory / name).write_text("x")

    assert len(process(directory).verifying()) == 1
    assert (directory / "0.pem").exists()


def start(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Start the server of a copy of the configuration with nothing but these variables."""
    shutil.copytree(Path(settings.BASE_DIR) / "config", folder / "config", dirs_exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "config.server"],
        cwd=folder, env={"PATH": os.environ["PATH"], **variables},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_server_does_not_start_with_a_damaged_key_and_shows_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "var" / "signing_keys" / "0.pem"
    file.parent.mkdir(parents=True)
    file.write_text("hunter2secret")

    ended = start(tmp_path)

    assert ended.returncode == 1
    assert ended.stderr.startswith("The signing keys are not usable: ")
    assert f"{file}: expected RSA private keys in PEM" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2secret" not in ended.stderr


def test_server_does_not_start_with_a_weak_given_key_and_shows_nothing_of_it(
    tmp_path: Path,
) -> None:
    given = weak_pem()

    ended = start(tmp_path, JWT_PRIVATE_KEY=given)

    assert ended.returncode == 1
    assert "JWT_PRIVATE_KEY: expected RSA keys of 2048 to 4096 bits" in ended.stderr
    assert given.splitlines()[1] not in ended.stderr
    assert not (tmp_path / "var").exists()


def test_key_may_be_given_in_a_file_and_none_is_made_then(
    tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    shutil.copytree(Path(settings.BASE_DIR) / "config", tmp_path / "config")
    (tmp_path / "given").write_text(pem(key))

    printed = subprocess.run(
        [sys.executable, "-c", "from config.settings import *; print(SIGNING_KEYS.signing().kid)"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "JWT_PRIVATE_KEY_FILE": "given"},
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip

    assert printed.strip() == SigningKey(key).kid
    assert names(tmp_path / "var") == ["secret_key"]


# Rotated


def test_new_key_is_published_before_it_signs(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    old = keys.signing()

    new, begin = keys.rotate(overlap=HOUR)

    assert begin == START + timedelta(hours=1)
    assert kids(keys) == [old.kid, new.kid]
    signing = {}
    for seconds in (0, HOUR - 1, HOUR, HOUR + 1):
        clock(seconds)
        signing[seconds] = keys.signing().kid
    assert signing == {0: old.kid, HOUR - 1: old.kid, HOUR: new.kid, HOUR + 1: new.kid}


def test_old_key_is_believed_until_its_last_token_has_expired(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    old = keys.signing()
    new, _ = keys.rotate(overlap=HOUR)

    clock(HOUR + LIFETIME + 59)
    assert keys.find(old.kid) is not None
    assert kids(keys) == [old.kid, new.kid]

    clock(HOUR + LIFETIME + 60)
    assert keys.find(old.kid) is None
    assert kids(keys) == [new.kid]


def test_every_process_takes_part_without_a_restart(
    directory: Path, clock: Callable[[float], None]
) -> None:
    one, two = process(directory), process(directory)
    old = one.signing()
    new, _ = one.rotate(overlap=HOUR)

    clock(1)
    assert kids(two) == [old.kid, new.kid]
    assert two.signing().kid == old.kid
    clock(HOUR)
    assert two.signing().kid == process(directory).signing().kid == new.kid


def test_unknown_key_ids_read_nothing(
    directory: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, look = process(directory), os.listdir
    looked: list[Path] = []

    def look_and_count(path: Path) -> list[str]:
        looked.append(path)
        return look(path)

    monkeypatch.setattr(os, "listdir", look_and_count)

    for seconds in (0, 0.5, 0.9, 1, 1.5, 2):
        clock(seconds)
        assert {keys.find(f"x{number}") for number in range(100)} == {None}

    assert len(looked) == 3


def test_one_rotation_at_a_time(directory: Path, clock: Callable[[float], None]) -> None:
    one, two = process(directory), process(directory)
    one.rotate(overlap=HOUR)
    before = names(directory)

    for keys in (one, two):
        with pytest.raises(RotationPending, match="2030-01-01 01:00:00"):
            keys.rotate(overlap=10)
    assert names(directory) == before

    clock(HOUR)
    assert two.rotate(overlap=10)[0].kid in kids(one)


def test_rotation_at_the_same_second_as_a_file_does_nothing(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    keys.rotate(overlap=0)
    before = names(directory)

    with pytest.raises(RotationPending):
        keys.rotate(overlap=0)
    assert names(directory) == before


def test_pruning_deletes_what_is_over_and_nothing_else(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    new, _ = keys.rotate(overlap=HOUR)

    clock(HOUR + LIFETIME + 59)
    assert keys.prune() == 0
    clock(HOUR + LIFETIME + 60)
    assert keys.prune() == 1

    assert names(directory) == [f"{int(START.timestamp()) + HOUR}.pem"]
    assert keys.prune() == 0
    assert kids(process(directory)) == kids(keys) == [new.kid]


def test_replacing_leaves_one_key_that_signs_at_once(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys, other = process(directory), process(directory)
    keys.rotate(overlap=HOUR)

    new = keys.replace()

    clock(1)
    for one in (keys, other, process(directory)):
        assert kids(one) == [one.signing().kid] == [new.kid]
    assert names(directory) == [f"{int(START.timestamp())}.pem"]


def test_replacing_twice_in_a_second_leaves_the_last(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    first, second = keys.replace(), keys.replace()

    assert kids(keys) == [second.kid] != [first.kid]
    assert keys.signing() == second


def test_a_damaged_file_saves_no_leaked_key(directory: Path) -> None:
    keys = process(directory)
    (directory / "7.pem").write_text("no key")

    new = keys.replace()

    assert [file.read_text() != "no key" for file in directory.iterdir()] == [True]
    assert kids(process(directory)) == [new.kid]


# Accidents while serving


def test_damaged_file_is_logged_once_and_changes_nothing(
    directory: Path, clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    keys = process(directory)
    before = kids(keys)
    damaged = directory / "7.pem"
    damaged.write_text("hunter2secret")

    for seconds in (1, 2, 3):
        clock(seconds)
        assert kids(keys) == before
    damaged.unlink()
    clock(4)
    assert kids(keys) == before

    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert f"{damaged}: expected RSA private keys in PEM" in record.getMessage()
    assert "hunter2secret" not in record.getMessage()


def test_keys_that_are_gone_serve_on(directory: Path, clock: Callable[[float], None]) -> None:
    keys = process(directory)
    before = kids(keys)

    (directory / "0.pem").unlink()
    clock(1)
    assert kids(keys) == before
    directory.rmdir()
    clock(2)
    assert kids(keys) == before == [keys.signing().kid]


def test_key_that_was_replaced_by_hand_is_seen(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    (directory / "0.pem").unlink()

    other = process(directory)

    clock(1)
    assert kids(keys) == kids(other)


def test_file_that_goes_while_it_is_looked_at_is_as_if_gone(
    directory: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, look = process(directory), os.listdir
    before = kids(keys)
    keys.rotate(overlap=HOUR)
    new = next(name for name in names(directory) if name != "0.pem")

    def look_and_delete(path: Path) -> list[str]:
        found = look(path)
        (directory / new).unlink(missing_ok=True)
        return found

    monkeypatch.setattr(os, "listdir", look_and_delete)
    clock(1)
    assert kids(keys) == before


def test_clock_that_goes_back_leaves_the_oldest_key_signing(
    directory: Path, clock: Callable[[float], None]
) -> None:
    keys = process(directory)
    new = keys.replace()

    clock(-HOUR)

    assert keys.signing().kid == new.kid
    assert kids(keys) == [new.kid]
