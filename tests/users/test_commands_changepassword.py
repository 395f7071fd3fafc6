"""manage.py changepassword."""

import getpass
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.factories import PASSWORD, as_row
from users.models import User

NEW = "a brand new passphrase"

Type = Callable[..., None]


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Type:
    """Return what types these answers, one a prompt."""

    def answer(*answers: str) -> None:
        waiting: Iterator[str] = iter(answers)
        monkeypatch.setattr(getpass, "getpass", lambda prompt: next(waiting))

    return answer


def change(email: str) -> str:
    said = StringIO()
    call_command("changepassword", email, stdout=said, stderr=said)
    return said.getvalue()


def test_changes_the_password_alone(regular: User, type_in: Type) -> None:
    type_in(NEW, NEW)
    before = as_row(regular)

    said = change(" Rita@Example.com ")

    after = as_row(regular)
    assert {name for name in after if after[name] != before[name]} == {"password", "updated_at"}
    regular.refresh_from_db()
    assert regular.check_password(NEW)
    assert "Password of rita@example.com changed" in said


def test_undoes_nothing_that_happens_while_somebody_types(
    regular: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def type_slowly(prompt: str) -> str:
        User.objects.filter(pk=regular.pk).update(active=False, name="Renamed")
        return NEW

    monkeypatch.setattr(getpass, "getpass", type_slowly)

    change(regular.email)

    row = as_row(regular)
    assert (row["active"], row["name"]) == (False, "Renamed")


def test_asks_again_and_gives_up_after_three_tries(regular: User, type_in: Type) -> None:
    type_in(NEW, "something else", "short", "short", "qwertyuiop123", "qwertyuiop123")
    before = as_row(regular)

    with pytest.raises(CommandError, match="Nothing was changed after 3 tries"):
        change(regular.email)

    assert as_row(regular) == before
    assert regular.check_password(PASSWORD)


@pytest.mark.parametrize("email", ["nobody@example.com", "no address", "rita@example.com\x00"])
def test_says_that_there_is_no_such_user(regular: User, email: str) -> None:
    with pytest.raises(CommandError, match="There is no user with the email"):
        change(email)
