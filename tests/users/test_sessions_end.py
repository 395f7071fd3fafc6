"""Everything that ends sessions, and what does not."""

import getpass
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, ClientFactory, UserFactory
from tests.users.auth.calls import current, refresh
from users.lifecycle import set_active
from users.models import Session, User

NEW = "a quite unusual sentence"
Operator = APIClient
Way = Callable[[Operator, User], Any]


def put(path: str, **body: Any) -> Callable[[Operator], int]:
    return lambda operator: int(operator.put(path, body).status_code)


def put_user(**body: Any) -> Way:
    return lambda operator, user: put(f"/users/{user.pk}", **body)(operator)


def put_client(**body: Any) -> Way:
    return lambda operator, user: put(f"/clients/{user.client_id}", **body)(operator)


def move_to_inactive_client(operator: Operator, user: User) -> int:
    return put(f"/users/{user.pk}", client_id=ClientFactory(active=False).pk)(operator)


def leave_an_inactive_client(operator: Operator, user: User) -> int:
    """As where a log-in came in between: the client was switched off, the session stayed."""
    Client.objects.filter(users=user).update(active=False)
    return put(f"/users/{user.pk}", client_id=ClientFactory().pk)(operator)


def set_all_active(active: bool) -> Way:
    def change(operator: Operator, user: User) -> int:
        actor = User.objects.get(email="ada@example.com")
        return set_active(User.objects.filter(pk=user.pk), active, actor=actor)

    return change


# What is done: (to whom, how)
ENDING: dict[str, tuple[str, Way]] = {
    "an administrator sets the password": ("regular", put_user(password=NEW)),
    "an administrator sets another's password": ("colleague", put_user(password=NEW)),
    "deactivation": ("regular", put_user(active=False)),
    "deactivation of an administrator": ("colleague", put_user(active=False)),
    "deactivation with a new name": ("regular", put_user(active=False, name="New")),
    "promotion": ("regular", put_user(client_id=None)),
    "promotion with a new password": ("regular", put_user(client_id=None, password=NEW)),
    "deactivation of the client": ("regular", put_client(active=False)),
    "move from an inactive client": ("regular", leave_an_inactive_client),
    "move to an inactive client": ("regular", move_to_inactive_client),
    "deactivation in bulk": ("regular", set_all_active(False)),
    "deactivation of administrators in bulk": ("colleague", set_all_active(False)),
}


@pytest.fixture
def colleague(db: None) -> User:
    """Another administrator."""
    return AdministratorFactory(email="cleo@example.com")


@pytest.fixture
def cast(regular: User, colleague: User) -> dict[str, User]:
    return {"regular": regular, "colleague": colleague}


def is_dead(tokens: dict[str, str]) -> bool:
    """Tell whether neither token of the pair is served; the access token is tried first."""
    statuses = {current(tokens["access"]).status_code, refresh(tokens["refresh"]).status_code}
    assert statuses in ({200}, {401})
    return statuses == {401}


@pytest.mark.parametrize("way", ENDING)
def test_ends_every_session_of_the_user_and_nobody_elses(
    as_administrator: Any, cast: dict[str, User], stranger: User, login: Login, way: str
) -> None:
    whom, end = ENDING[way]
    user = cast[whom]
    here, there, bystander = (login(person).tokens for person in (user, user, stranger))  # type: ignore[attr-defined] # put there by `login`

    assert end(as_administrator, user) in (1, 200)

    assert is_dead(here)
    assert is_dead(there)
    assert not user.sessions.exists()
    assert not is_dead(bystander)
    assert not is_dead(as_administrator.tokens)


def test_demotion_ends_every_session(
    as_administrator: Any, colleague: User, acme: Client, login: Login
) -> None:
    theirs: Any = login(colleague)
    assert theirs.get("/users").status_code == 200

    assert as_administrator.put(f"/users/{colleague.pk}", {"client_id": acme.pk}).status_code == 200

    assert theirs.get("/users").status_code == 401
    assert is_dead(theirs.tokens)
    assert login(colleague).get("/users").status_code == 403


def test_promotion_takes_effect_with_the_next_login(
    as_administrator: Any, regular: User, login: Login
) -> None:
    before = login(regular)
    as_administrator.put(f"/users/{regular.pk}", {"client_id": None})

    assert before.get("/users").status_code == 401
    assert login(regular).get("/users").status_code == 200


@pytest.mark.parametrize("change", [{"active": False}, {"client_id": 0}])
def test_own_end_as_administrator_ends_the_own_session_too(
    as_administrator: Any, colleague: User, acme: Client, change: dict[str, Any]
) -> None:
    own = as_administrator.get("/users/current").json()["id"]
    body = {"client_id": acme.pk} if "client_id" in change else change

    assert as_administrator.put(f"/users/{own}", body).status_code == 200

    assert is_dead(as_administrator.tokens)


@pytest.mark.parametrize("who", ["regular", "colleague"])
def test_own_new_password_keeps_the_own_session_alone(
    cast: dict[str, User], stranger: User, login: Login, who: str
) -> None:
    user = cast[who]
    here, there, bystander = login(user), login(user), login(stranger)
    body = {"password": NEW, "current_password": PASSWORD}

    assert here.put(f"/users/{user.pk}", body).status_code == 200

    assert is_dead(there.tokens)  # type: ignore[attr-defined] # put there by `login`
    assert not is_dead(here.tokens)  # type: ignore[attr-defined] # put there by `login`
    assert not is_dead(bystander.tokens)  # type: ignore[attr-defined] # put there by `login`
    assert user.sessions.count() == 1
    old = {"email": user.email, "password": PASSWORD}
    assert APIClient().post("/auth/login", old).status_code == 401
    assert not is_dead(login(user, NEW).tokens)  # type: ignore[attr-defined] # put there by `login`


def test_password_set_by_command_ends_every_session(
    regular: User, stranger: User, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, bystander = login(regular), login(stranger)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: NEW)

    call_command("changepassword", "RITA@example.com", stdout=StringIO())

    assert is_dead(theirs.tokens)  # type: ignore[attr-defined] # put there by `login`
    assert not is_dead(bystander.tokens)  # type: ignore[attr-defined] # put there by `login`
    assert not is_dead(login(regular, NEW).tokens)  # type: ignore[attr-defined] # put there by `login`


REVIVING: dict[str, tuple[Way, Way]] = {
    "user": (put_user(active=False), put_user(active=True)),
    "client": (put_client(active=False), put_client(active=True)),
    "in bulk": (set_all_active(False), set_all_active(True)),
    "moved out of an inactive client": (
        move_to_inactive_client,
        lambda operator, user: put(f"/users/{user.pk}", client_id=user.client_id)(operator),
    ),
    "client by hand, then switched on": (
        lambda operator, user: Client.objects.filter(users=user).update(active=False),
        put_client(active=True),
    ),
    "user by hand, then switched on": (
        lambda operator, user: User.objects.filter(pk=user.pk).update(active=False),
        put_user(active=True),
    ),
}


@pytest.mark.parametrize("way", REVIVING)
def test_activating_again_revives_nothing(
    as_administrator: Any, regular: User, login: Login, way: str
) -> None:
    tokens = login(regular).tokens  # type: ignore[attr-defined] # put there by `login`
    end, revive = REVIVING[way]

    assert end(as_administrator, regular) in (1, 200)
    assert is_dead(tokens)
    assert revive(as_administrator, regular) in (1, 200)

    assert is_dead(tokens)
    assert not is_dead(login(regular).tokens)  # type: ignore[attr-defined] # put there by `login`


HARMLESS: dict[str, Way] = {
    "new name": put_user(name="Another"),
    "new email": put_user(email="another@example.com"),
    "nothing": put_user(),
    "active already": put_user(active=True),
    "another active client": lambda operator, user: put(
        f"/users/{user.pk}", client_id=ClientFactory().pk
    )(operator),
    "client renamed": put_client(name="Acme & Sons"),
    "client active already": put_client(active=True),
    "bulk activation of the active": set_all_active(True),
    "refused password": put_user(password="short"),
    "refused with another fault": put_user(active=False, email="nonsense"),
}


@pytest.mark.parametrize("way", HARMLESS)
def test_other_changes_end_nothing(
    as_administrator: Any, regular: User, login: Login, way: str
) -> None:
    tokens = login(regular).tokens  # type: ignore[attr-defined] # put there by `login`

    assert HARMLESS[way](as_administrator, regular) in (0, 200, 400)

    assert not is_dead(tokens)


def test_wrong_current_password_ends_nothing(as_regular: Any, regular: User) -> None:
    body = {"password": NEW, "current_password": "wrong"}

    assert as_regular.put(f"/users/{regular.pk}", body).status_code == 400
    assert not is_dead(as_regular.tokens)


def test_last_administrator_keeps_their_session(as_administrator: Any) -> None:
    own = as_administrator.get("/users/current").json()["id"]

    assert as_administrator.put(f"/users/{own}", {"active": False}).status_code == 409
    assert not is_dead(as_administrator.tokens)


def test_deactivating_a_client_spares_other_clients_and_administrators(
    as_administrator: Any, regular: User, login: Login
) -> None:
    others = [login(UserFactory()), login(AdministratorFactory())]

    as_administrator.put(f"/clients/{regular.client_id}", {"active": False})

    assert [is_dead(other.tokens) for other in others] == [False, False]  # type: ignore[attr-defined] # put there by `login`
    assert Session.objects.count() == 3
