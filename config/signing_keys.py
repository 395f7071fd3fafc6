"""The key pairs that sign access tokens: given, or made here, kept in files and rotated."""

import base64
import hashlib
import json
import logging
import math
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from django.core.exceptions import ImproperlyConfigured

from config.secret_files import write_new

MIN_BITS, MAX_BITS = 2048, 4096  # more makes every request pay for nothing
BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\s.+?\s-----END \1-----", re.DOTALL)
FILE = re.compile(r"(0|[1-9][0-9]{0,9})\.pem\Z", re.ASCII)
# How others may keep the published keys: for less than a new key waits until it signs.
CACHING = "public, max-age=300"
LOOK_EVERY = 1  # second: how long a process may not know what another did
# How long after its time a key may still sign (who has not looked yet) or be needed (slow clocks).
STRAGGLING = 60

log = logging.getLogger("roster.keys")


class RotationPending(Exception):
    """There is a new key already, and it does not sign yet; the argument is from when it does."""


@dataclass(frozen=True, eq=False)
class SigningKey:
    """An RSA key pair; its `alg` is always RS256 (RFC 7518, section 3.3)."""

    private: RSAPrivateKey

    @cached_property
    def public(self) -> RSAPublicKey:
        return self.private.public_key()

    @cached_property
    def kid(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""
        text = json.dumps(self._public_members, separators=(",", ":"), sort_keys=True)
        return _base64(hashlib.sha256(text.encode()).digest())

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public key as published (RFC 7517); nothing private is in it."""
        return {**self._public_members, "kid": self.kid, "use": "sig", "alg": "RS256"}

    @cached_property
    def _public_members(self) -> dict[str, str]:
        numbers = self.public.public_numbers()
        return {"kty": "RSA", "n": _base64_of(numbers.n), "e": _base64_of(numbers.e)}


class KeyRing(Protocol):
    """Which key signs now, and which are believed; those that will sign are believed already."""

    def signing(self) -> SigningKey: ...

    def verifying(self) -> list[SigningKey]: ...

    def find(self, kid: str | None) -> SigningKey | None: ...


class GivenKeys:
    """Keys from the environment: the first signs, all are believed."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = {key.kid: key for key in keys}
        self._first = next(iter(self._keys.values()))

    def signing(self) -> SigningKey:
        return self._first

    def verifying(self) -> list[SigningKey]:
        return list(self._keys.values())

    def find(self, kid: str | None) -> SigningKey | None:
        return self._keys.get(kid or "")


@dataclass(frozen=True)
class _Period:
    """A key, its file, and from when until when it signs, in seconds since 1970."""

    key: SigningKey
    file: Path
    state: tuple[int, int]  # of the file: another one means that it was replaced
    begin: int
    end: float = math.inf


class KeyDirectory:
    """Keys in files of one directory, each named by the second from which it signs.

    A key signs until the next one's second and is believed for `lifetime` seconds more, the longest
    that a token lives. What other processes do is seen within a second, however many unknown key
    ids are asked for. Files that cannot be used stop the start (`ImproperlyConfigured`); later they
    are logged, and the keys read before serve on.
    """

    def __init__(self, directory: Path, *, lifetime: float) -> None:
        self.directory = directory
        self.lifetime = lifetime
        self._periods: tuple[_Period, ...] = ()  # replaced as a whole, so threads need no lock
        self._looked = -math.inf
        self._told = ""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._read():
                write_new(directory / "0.pem", new_pem())
            self._periods = self._read()
        except (OSError, ValueError) as fault:
            raise ImproperlyConfigured(f"The signing keys are not usable: {fault}") from None

    def signing(self) -> SigningKey:
        periods, now = self._current(), time.time()
        begun = [period for period in periods if period.begin <= now]
        # None begun: the clock went back. The first is what others know best.
        return (begun[-1] if begun else periods[0]).key

    def verifying(self) -> list[SigningKey]:
        return [period.key for period in self._current() if self._is_believed(period)]

    def find(self, kid: str | None) -> SigningKey | None:
        return next((key for key in self.verifying() if key.kid == kid), None)

    def rotate(self, *, overlap: int) -> tuple[SigningKey, datetime]:
        """Publish a new key; return it and the time from which it signs, in `overlap` seconds.

        Raise `RotationPending`, having done nothing, while the newest key does not sign yet.
        """
        pem, newest = new_pem(), self._read()[-1]  # making one takes a while: before the clock
        begin = math.ceil(time.time()) + overlap
        if newest.begin > time.time() or not write_new(self._file(begin), pem):
            raise RotationPending(_moment(max(newest.begin, begin)))
        return self._key_from(begin), _moment(begin)

    def replace(self) -> SigningKey:
        """Sign with a new key at once and delete all others: whoever has one of them is out.

        What else is in the directory goes too, usable or not: one damaged file must not save a key
        that has leaked.
        """
        begin = int(time.time())
        while not write_new(self._file(begin), new_pem()):
            begin += 1
        for file in self.directory.iterdir():
            if file != self._file(begin) and file.is_file():
                file.unlink(missing_ok=True)
        return self._key_from(begin)

    def is_ours(self) -> bool:
        """Tell whether what we write can be read by who made the directory, and so who serves."""
        return self.directory.stat().st_uid == os.geteuid()

    def prune(self) -> int:
        """Delete the keys whose last token has expired; return how many they were."""
        over = [period for period in self._read() if not self._is_believed(period)]
        for period in over:
            period.file.unlink(missing_ok=True)
        return len(over)

    def _is_believed(self, period: _Period) -> bool:
        return time.time() < period.end + self.lifetime + STRAGGLING

    def _current(self) -> tuple[_Period, ...]:
        now = time.time()
        if abs(now - self._looked) >= LOOK_EVERY:
            self._looked = now
            try:
                # All gone while serving is an accident: go on with what there was.
                self._periods = self._read() or self._periods
                self._told = ""
            except (OSError, ValueError) as fault:
                if self._told != str(fault):
                    log.error("The signing keys known before serve on: %s", fault)  # noqa: TRY400 # the words are all there is to know
                self._told = str(fault)
        return self._periods

    def _read(self) -> tuple[_Period, ...]:
        """Return the keys that are there now, by time; a file that is known is not read again."""
        known = {(period.file, period.state): period.key for period in self._periods}
        found = []
        for name in os.listdir(self.directory):
            if not (match := FILE.match(name)):
                continue
            file = self.directory / name
            try:
                status = file.stat()
                state = (status.st_ino, status.st_mtime_ns)
                key = known.get((file, state)) or _read_file(file)
            except FileNotFoundError:  # pruned meanwhile
                continue
            found.append(_Period(key, file, state, begin=int(match[1])))
        found.sort(key=lambda period: period.begin)
        ended = [replace(period, end=later.begin) for period, later in pairwise(found)]
        return (*ended, *found[-1:])

    def _key_from(self, begin: int) -> SigningKey:
        self._periods = self._read()
        return next(period.key for period in self._periods if period.begin == begin)

    def _file(self, begin: int) -> Path:
        return self.directory / f"{begin}.pem"


def read_pems(text: str) -> tuple[SigningKey, ...]:
    r"""Return the keys of one or more PEM blocks; raise `ValueError` saying what is wrong.

    `\n` may stand for a line's end, as where a variable cannot have several lines.
    """
    text = text.replace("\\n", "\n")
    blocks = [match[0] for match in BLOCK.finditer(text)]
    if not blocks or BLOCK.sub("", text).strip():
        raise ValueError("expected RSA private keys in PEM and nothing else")
    return tuple(_read_block(block) for block in blocks)


def new_pem() -> str:
    """Return a new private key, unencrypted (PKCS 8)."""
    key = generate_private_key(public_exponent=65537, key_size=MIN_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _read_block(block: str) -> SigningKey:
    try:
        key = serialization.load_pem_private_key(block.encode(), password=None)
    except TypeError:
        raise ValueError("expected keys without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a PEM block is no private key that can be used") from None
    if not (isinstance(key, RSAPrivateKey) and MIN_BITS <= key.key_size <= MAX_BITS):
        raise ValueError(f"expected RSA keys of {MIN_BITS} to {MAX_BITS} bits, for RS256")
    return SigningKey(key)


def _read_file(file: Path) -> SigningKey:
    try:
        keys = read_pems(file.read_text(encoding="utf-8", errors="replace"))
        if len(keys) > 1:
            raise ValueError("expected one key")
    except ValueError as fault:
        raise ValueError(f"{file}: {fault}") from None
    return keys[0]


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _base64_of(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8))


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
