"""manage.py rotate_signing_key."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.signing_keys import KeyDirectory

START = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = int(START.timestamp())


@pytest.fixture
def traveller() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def keys(
    db: None, settings: Settings, tmp_path: Path, traveller: time_machine.Traveller
) -> KeyDirectory:
    keys = KeyDirectory(tmp_path / "signing_keys", lifetime=900)
    settings.SIGNING_KEYS = keys
    return keys


def run(*options: str) -> list[str]:
    printed = StringIO()
    call_command("rotate_signing_key", *options, stdout=printed)
    return printed.getvalue().splitlines()


def names(keys: KeyDirectory) -> list[str]:
    return sorted(os.listdir(keys.directory))


def test_publishes_a_key_that_signs_an_hour_later(keys: KeyDirectory) -> None:
    old = keys.signing()

    pruned, told = run()

    new = keys.verifying()[-1]
    assert pruned == "Keys deleted that nobody needs any more: 0."
    assert told == f"New key {new.kid} is published and signs from 2030-01-01 01:00:00 UTC."
    assert keys.signing() == old != new
    assert names(keys) == ["0.pem", f"{SECOND + 3600}.pem"]


def test_overlap_may_be_chosen(keys: KeyDirectory) -> None:
    assert run("--overlap", "86400")[1].endswith("signs from 2030-01-02 00:00:00 UTC.")


@pytest.mark.parametrize(
    "overlap", ["2", "0", "-1", "1.5", "x", "", "2592001", "\u0662", "9" * 5000]
)
def test_overlap_is_within_reason(keys: KeyDirectory, overlap: str) -> None:
    with pytest.raises(CommandError, match="expected whole seconds from 3 to 2592000"):
        run(f"--overlap={overlap}")
    assert names(keys) == ["0.pem"]


def test_makes_nothing_while_a_new_key_waits(keys: KeyDirectory) -> None:
    run()
    before = names(keys)

    with pytest.raises(CommandError, match=r"from 2030-01-01 01:00:00 UTC\. Nothing was made"):
        run()
    assert names(keys) == before


def test_deletes_at_the_next_rotation_what_is_over(
    keys: KeyDirectory, traveller: time_machine.Traveller
) -> None:
    run()
    second = keys.verifying()[-1]
    traveller.shift(timedelta(days=30))

    assert run()[0] == "Keys deleted that nobody needs any more: 1."

    assert names(keys) == [f"{SECOND + 3600}.pem", f"{SECOND + 30 * 86400 + 3600}.pem"]
    assert keys.signing() == second


def test_prune_deletes_and_makes_nothing(
    keys: KeyDirectory, traveller: time_machine.Traveller
) -> None:
    run()
    assert run("--prune") == ["Keys deleted that nobody needs any more: 0."]
    traveller.shift(timedelta(days=1))

    assert run("--prune") == ["Keys deleted that nobody needs any more: 1."]

    assert names(keys) == [f"{SECOND + 3600}.pem"]


def test_leaked_keys_are_all_deleted_even_while_a_new_one_waits(keys: KeyDirectory) -> None:
    run()

    (told,) = run("--leaked")

    assert told == f"New key {keys.signing().kid} signs. All others are deleted."
    assert names(keys) == [f"{SECOND}.pem"]
    assert keys.verifying() == [keys.signing()]


def test_one_thing_at_a_time(keys: KeyDirectory) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        run("--leaked", "--prune")
    assert names(keys) == ["0.pem"]


def test_given_keys_are_rotated_where_they_are_given() -> None:
    with pytest.raises(CommandError, match="given by JWT_PRIVATE_KEY"):
        run()


@pytest.mark.parametrize("option", ["--leaked", "--prune", "--overlap=60"])
def test_another_user_is_refused_whose_keys_nobody_could_read(
    keys: KeyDirectory, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(keys.directory.iterdir())
    monkeypatch.setattr(os, "geteuid", lambda: keys.directory.stat().st_uid + 1)

    with pytest.raises(CommandError, match="run this as the user who serves"):
        run(option)

    assert sorted(keys.directory.iterdir()) == before
