"""`manage.py createsuperuser`: Django's own, makes an administrator."""

import getpass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from typing_extensions import override

from tests.conftest import Login
from tests.factories import as_row
from users.models import User

PASSWORD = "a quite unusual sentence"
RIGHT = {"EMAIL": "Olga@Example.com", "NAME": " Olga Operator ", "PASSWORD": PASSWORD}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set `DJANGO_SUPERUSER_*`; None leaves one out."""

    def assign(**values: str | None) -> None:
        for name, value in {**RIGHT, **values}.items():
            if value is None:
                monkeypatch.delenv(f"DJANGO_SUPERUSER_{name}", raising=False)
            else:
                monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)

    return assign


def run(**options: Any) -> str:
    output = StringIO()
    call_command("createsuperuser", stdout=output, stderr=output, **options)
    return output.getvalue()


def test_makes_an_administrator_of_the_environment(
    db: None, environment: Any, login: Login
) -> None:
    environment()

    output = run(interactive=False)

    assert output == "Superuser created successfully.\n"
    user = User.objects.get()
    row = as_row(user)
    assert (row["name"], row["email"]) == ("Olga Operator", "olga@example.com")
    assert (row["client_id"], row["active"], row["last_login_at"]) == (None, True, None)
    assert login(user, PASSWORD).get("/users").status_code == 200


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"EMAIL": None}, "You must use --email"),
        ({"EMAIL": ""}, "Email cannot be blank"),
        ({"EMAIL": "nonsense"}, "valid email address"),
        ({"EMAIL": "RITA@example.com"}, "already"),
        ({"NAME": None}, "You must use --name"),
        ({"NAME": ""}, "You must use --name"),
        ({"NAME": "\u200b"}, "may not be blank"),
        ({"NAME": "x" * 256}, "255 characters"),
        ({"NAME": "Olga\x1b[31m"}, "Control characters"),
        ({"PASSWORD": None}, "Give a password: DJANGO_SUPERUSER_PASSWORD"),
        ({"PASSWORD": ""}, "at least 12 characters"),
        ({"PASSWORD": "short \u00fc"}, "at least 12 characters"),
        ({"PASSWORD": "x" * 129}, "at most 128 characters"),
        ({"PASSWORD": "password1234"}, "too common"),
        ({"PASSWORD": "olga operator"}, "too similar"),
    ],
)
def test_refuses_what_the_api_refuses(
    regular: User, environment: Any, values: dict[str, str | None], message: str
) -> None:
    environment(**values)

    with pytest.raises(CommandError) as caught:
        run(interactive=False)

    assert message in str(caught.value)
    assert str(values.get("PASSWORD") or PASSWORD) not in str(caught.value)
    assert User.objects.get() == regular


def test_second_run_changes_nothing(db: None, environment: Any) -> None:
    environment()
    run(interactive=False)
    before = as_row(User.objects.get())

    with pytest.raises(CommandError):
        run(interactive=False)

    assert as_row(User.objects.get()) == before


class Terminal(StringIO):
    """What the command takes for somebody sitting there."""

    @override
    def isatty(self) -> bool:
        return True


def test_asks_for_the_password_at_a_terminal(
    db: None, monkeypatch: pytest.MonkeyPatch, login: Login
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda *prompt: PASSWORD)

    run(stdin=Terminal(), email="olga@example.com", name="Olga Operator")

    assert login(User.objects.get(), PASSWORD).get("/users").status_code == 200


def test_rules_cannot_be_bypassed_at_a_terminal(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda *prompt: "short \u00fc")
    monkeypatch.setattr("builtins.input", lambda *prompt: "y")

    with pytest.raises(CommandError, match="at least 12 characters"):
        run(stdin=Terminal(), email="olga@example.com", name="Olga Operator")

    assert not User.objects.exists()
