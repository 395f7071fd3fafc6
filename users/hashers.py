"""How passwords are hashed."""

import re
import unicodedata

import argon2
from django.contrib.auth.hashers import Argon2PasswordHasher
from typing_extensions import override

from users.hashing import hashing

# More than any password allowed in NFKC can have; whoever sends more gets no hash computed.
MAX_HASHED_LENGTH = 1024

LEAST_MEMORY = 8  # KiB, argon2's own least

_COST = re.compile(r"argon2\$argon2(?:id|i|d)\$v=\d+\$m=(\d+),t=(\d+),p=\d+\$")


def normalised(password: str) -> str:
    """Return the form that is counted, compared and hashed (NFKC, NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, 2 passes, 1 lane: OWASP's first choice (Password Storage Cheat Sheet).

    Django's defaults take 100 MiB and 8 lanes a login; a few at once would fill a small machine.
    """

    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1

    @override
    def encode(self, password: str, salt: str) -> str:
        if len(password) > MAX_HASHED_LENGTH:
            raise ValueError("too long to hash")
        return hashing.run(super().encode, normalised(password), salt)

    @override
    def verify(self, password: str, encoded: str) -> bool:
        if len(password) > MAX_HASHED_LENGTH:
            return False
        return hashing.run(super().verify, normalised(password), encoded)

    @override
    def harden_runtime(self, password: str, encoded: str) -> None:
        """Spend what verifying a cheaper, older digest has saved, so that time tells nothing.

        Argon2's time grows with memory times passes; as many passes as today's over the difference
        even it out. (One pass over twice the memory takes longer: the kernel hands it out anew.)
        """
        cost = _COST.match(encoded)
        spent = int(cost[1]) * int(cost[2]) if cost else 0
        owed = self.memory_cost * self.time_cost - spent
        memory_cost = owed // self.time_cost
        if memory_cost >= LEAST_MEMORY:
            hashing.run(_spend, self.time_cost, memory_cost)


def _spend(passes: int, memory_cost: int) -> None:
    argon2.low_level.hash_secret_raw(
        b"", b"\0" * 16, passes, memory_cost, 1, 32, argon2.low_level.Type.ID
    )
