"""How passwords are hashed."""

import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, get_hasher, make_password

from users.hashers import Argon2idHasher, normalised

PASSWORD = "correct horse battery staple"


def test_is_argon2id_with_19_mib_and_2_passes() -> None:
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_equal_passwords_have_different_digests() -> None:
    digests = {make_password(PASSWORD) for _ in range(3)}
    assert len(digests) == 3
    assert all(check_password(PASSWORD, digest) for digest in digests)


def test_digest_fits_its_column_and_holds_no_password() -> None:
    digest = make_password("ab" * 64)
    assert len(digest) <= 255
    assert "abab" not in digest


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("text", ["cr\u00e8me", "\u212bngstr\u00f6m", "\ufb01ne", "\uff21\u3000b"])
def test_normal_forms_of_one_password_are_one(form: Any, text: str) -> None:
    assert check_password(unicodedata.normalize(form, text), make_password(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PASSWORD, PASSWORD.title()),
        (PASSWORD, f"{PASSWORD} "),
        (PASSWORD, f" {PASSWORD}"),
        (PASSWORD, f"{PASSWORD}\x00"),
        (PASSWORD, f"{PASSWORD}\u200b"),
        ("a\x00b", "a\x00c"),
        ("x" * 72, "x" * 73),
        ("x" * 1023, "x" * 1024),
        ("", " "),
    ],
)
def test_nothing_is_cut_or_trimmed(one: str, other: str) -> None:
    digest = make_password(one)
    assert check_password(one, digest)
    assert not check_password(other, digest)


def test_hashes_no_more_than_1024_characters() -> None:
    with pytest.raises(ValueError, match="too long"):
        make_password("x" * 1025)
    assert not check_password("x" * 1025, make_password("x" * 1024))


def test_longest_password_of_decomposed_letters_is_short_enough_to_hash() -> None:
    decomposed = unicodedata.normalize("NFKD", "\u1f82" * 128)

    assert len(decomposed) == 512
    assert len(normalised(decomposed)) == 128
    assert check_password("\u1f82" * 128, make_password(decomposed))


@pytest.mark.parametrize(("memory", "passes"), [(7168, 1), (8, 1), (19456, 1), (9728, 2)])
def test_cheaper_digest_is_outdated(memory: int, passes: int) -> None:
    class Cheaper(Argon2idHasher):
        memory_cost = memory
        time_cost = passes

    digest = Cheaper().encode(PASSWORD, Cheaper().salt())
    assert get_hasher().must_update(digest)
    assert check_password(PASSWORD, digest)


def test_digest_of_today_is_not_outdated() -> None:
    assert not get_hasher().must_update(make_password(PASSWORD))


@pytest.mark.parametrize("digest", ["", "nonsense", "argon2$argon2i$v=19$m=8,t=1,p=1$c$d"])
def test_hardening_takes_any_digest(digest: str) -> None:
    get_hasher().harden_runtime(PASSWORD, digest)


def test_hardening_spends_nothing_where_nothing_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argon2.low_level.hash_secret_raw", pytest.fail)
    get_hasher().harden_runtime(PASSWORD, make_password(PASSWORD))
