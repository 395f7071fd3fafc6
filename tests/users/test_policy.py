"""Who may do what to users: every call, every kind of caller, every kind of row."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.viewsets import GenericViewSet

import clients.policies
import users.policies
from clients.models import Client
from config.api.views import Manners
from tests.conftest import Login
from tests.factories import AdministratorFactory, InvitedFactory, UserFactory, as_row
from tests.sending import send
from users.models import Mail, Session, User
from users.policies import (
    CALLS,
    FIELDS,
    SESSION_CALLS,
    CallPolicy,
    Change,
    SessionPolicy,
    UserPolicy,
    terms,
)
from users.views import UserViewSet

MATRIX = """
call            row             nobody  administrator  regular  inactive  of_inactive_client
list            -               401     200            403      401       401
create          -               401     201            403      401       401
current         -               401     200            200      401       401
retrieve        own             401     200            200      401       401
retrieve        colleague's     401     200            403      401       401
retrieve        stranger's      401     200            403      401       401
retrieve        administrator's 401     200            403      401       401
retrieve        missing         401     404            403      401       401
update          own             401     200            200      401       401
update          colleague's     401     200            403      401       401
update          stranger's      401     200            403      401       401
update          administrator's 401     200            403      401       401
update          missing         401     404            403      401       401
partial_update  own             401     200            200      401       401
partial_update  colleague's     401     200            403      401       401
partial_update  stranger's      401     200            403      401       401
partial_update  administrator's 401     200            403      401       401
partial_update  missing         401     404            403      401       401
invite          own             401     409            403      401       401
invite          invited         401     204            403      401       401
invite          stranger's      401     409            403      401       401
invite          missing         401     404            403      401       401
import_table    -               401     415            403      401       401
"""

SESSION_MATRIX = """
call             row         nobody  administrator  regular  inactive  of_inactive_client
list             -           401     200            200      401       401
destroy          current     401     204            204      401       401
destroy          own         401     204            204      401       401
destroy          expired     401     404            404      401       401
destroy          stranger's  401     404            404      401       401
destroy          missing     401     404            404      401       401
destroy_others   -           401     204            204      401       401
list_of_user     own         401     200            403      401       401
list_of_user     stranger's  401     200            403      401       401
list_of_user     missing     401     404            403      401       401
destroy_of_user  own         401     204            403      401       401
destroy_of_user  stranger's  401     204            403      401       401
destroy_of_user  missing     401     404            403      401       401
"""

METHODS = {
    "list": "get",
    "create": "post",
    "current": "get",
    "retrieve": "get",
    "update": "put",
    "partial_update": "patch",
    "invite": "post",
    "import_table": "post",
}


def read_matrix(text: str) -> list[tuple[str, str, str, int]]:
    """Return each `(call, row, caller, status)`."""
    head, *lines = text.strip().splitlines()
    callers = head.split()[2:]
    return [
        (call, row, caller, int(status))
        for call, row, *statuses in map(str.split, lines)
        for caller, status in zip(callers, statuses, strict=True)
    ]


def path_of(call: str, row_id: int) -> str:
    paths = {"list": "/users", "create": "/users", "current": "/users/current"}
    paths["import_table"] = "/users/import"
    return paths.get(call, f"/users/{row_id}" + ("/invitation" if call == "invite" else ""))


@pytest.fixture
def colleague(acme: Client) -> User:
    return UserFactory(client=acme)


@pytest.fixture
def of_inactive_client(globex: Client) -> User:
    return UserFactory(client=globex)


@pytest.fixture
def call_as(
    login: Login, anonymous: APIClient, request: pytest.FixtureRequest
) -> Callable[[str], tuple[APIClient, User | None]]:
    """Return `(client, user)` of a caller; who is inactive became so after a log-in."""

    def become(caller: str) -> tuple[APIClient, User | None]:
        if caller == "nobody":
            return anonymous, None
        user: User = request.getfixturevalue(caller)
        User.objects.filter(pk=user.pk).update(active=True)
        client = login(user)
        # Past every verb, so that the session is still there: the row alone must stop them.
        User.objects.filter(pk=user.pk).update(active=user.active)
        if caller == "of_inactive_client":
            Client.objects.filter(users=user).update(active=False)
        return client, user

    return become


def stored() -> list[dict[str, Any]]:
    """Return all that a call on a user may change: users, and mails to them."""
    return [*User.objects.order_by("pk").values(), *Mail.objects.order_by("pk").values()]


@pytest.mark.parametrize(("call", "row", "caller", "status"), read_matrix(MATRIX))
def test_answers_as_the_matrix_says(
    call: str,
    row: str,
    caller: str,
    status: int,
    call_as: Callable[[str], tuple[APIClient, User | None]],
    colleague: User,
    stranger: User,
    administrator: User,
) -> None:
    client, user = call_as(caller)
    rows = {"colleague's": colleague, "stranger's": stranger, "administrator's": administrator}
    rows["invited"] = InvitedFactory(client=colleague.client)
    target = rows.get(row, user or colleague)
    row_id = 2**62 if row == "missing" else target.pk
    before = stored()
    body = {"name": "New name"} if call != "invite" else {}
    if call == "create":
        body = {"name": "New", "email": "new@example.com", "password": "brave new horses"}
        body["client_id"] = None  # type: ignore[assignment] # JSON

    answer = getattr(client, METHODS[call])(
        path_of(call, row_id), body if METHODS[call] != "get" else None
    )

    assert answer.status_code == status, answer.content
    changed = stored() != before
    assert changed == (status in (200, 201, 204) and METHODS[call] != "get")


def sessions_of(user: User) -> dict[str, int]:
    """Return the ids of two more sessions of the user: one that is live and one that is over."""
    now = timezone.now()
    live = {"refreshed_at": now, "expires_at": now + timedelta(hours=1)}
    past = {"refreshed_at": now - timedelta(hours=1), "expires_at": now}
    return {
        name: Session.objects.create(user=user, **times).pk
        for name, times in {"own": live, "expired": past}.items()
    }


@pytest.mark.parametrize(("call", "row", "caller", "status"), read_matrix(SESSION_MATRIX))
def test_answers_about_sessions_as_the_matrix_says(
    call: str,
    row: str,
    caller: str,
    status: int,
    call_as: Callable[[str], tuple[APIClient, User | None]],
    regular: User,
    stranger: User,
) -> None:
    client, user = call_as(caller)
    actor, theirs = user or regular, sessions_of(stranger)["own"]
    current = actor.sessions.values_list("pk", flat=True).first() or 2**62
    sessions = sessions_of(actor) | {"current": current, "stranger's": theirs, "missing": 2**62}
    users = {"own": actor.pk, "stranger's": stranger.pk, "missing": 2**62}
    path = {
        "destroy": f"/auth/sessions/{sessions.get(row)}",
        "list_of_user": f"/users/{users.get(row)}/sessions",
        "destroy_of_user": f"/users/{users.get(row)}/sessions",
    }.get(call, "/auth/sessions")
    before = list(Session.objects.values())

    answer = (client.get if call.startswith("list") else client.delete)(path)

    assert answer.status_code == status, answer.content
    assert (list(Session.objects.values()) != before) == (status == 204)
    assert status != 204 or answer.content == b""


def test_matrix_has_every_call() -> None:
    assert {call for call, *_ in read_matrix(MATRIX)} == set(CALLS)
    assert {call for call, *_ in read_matrix(SESSION_MATRIX)} == set(SESSION_CALLS)


def views_of(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[Any, type[Any]]]:
    """Yield each view made of a class, and the class."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views_of(pattern.url_patterns)
        elif cls := getattr(pattern.callback, "cls", None):
            yield pattern.callback, cls


ROUTED = list(views_of(get_resolver("config.urls").url_patterns))
POLICIES: dict[str, Any] = {
    "UserPolicy": users.policies.CALLS,
    "SessionPolicy": users.policies.SESSION_CALLS,
    "AuditPolicy": users.policies.AUDIT_CALLS,
    "ClientPolicy": clients.policies.CALLS,
}


def test_every_routed_action_is_in_a_policy() -> None:
    seen: dict[str, set[str]] = {name: set() for name in POLICIES}
    for view, cls in ROUTED:
        if issubclass(cls, GenericViewSet):
            policies: Any = cls.permission_classes
            (policy,) = policies
            seen[policy.__name__] |= {str(action) for action in view.actions.values()}

    assert seen == {name: set(calls) for name, calls in POLICIES.items()}


def test_every_other_view_of_the_api_says_who_may() -> None:
    """What is open to everybody is listed here, with nothing beside it."""
    views = {cls for _, cls in ROUTED if issubclass(cls, Manners)}
    is_open = {cls.__name__ for cls in views if AllowAny in cls.permission_classes}

    by_mail = {"ForgottenView", "ResetView", "InvitationView"}
    assert is_open == {"LoginView", "RefreshView", "SchemaView", *by_mail}


def ask(
    actor: Any, action: str | None, *, policy: type[CallPolicy] = UserPolicy, **kwargs: Any
) -> bool:
    request = cast(Request, SimpleNamespace(user=actor))
    view = cast(GenericViewSet[User], SimpleNamespace(action=action, kwargs=kwargs))
    return policy().has_permission(request, view)


@pytest.mark.parametrize("action", ["replace", "metadata", "", None, "List", "__class__"])
def test_unknown_action_is_denied_to_administrators_too(
    action: str | None, administrator: User
) -> None:
    for policy in (UserPolicy, SessionPolicy):
        assert not ask(administrator, action, policy=policy, pk=administrator.pk)
    assert not ask(administrator, "destroy", pk=administrator.pk)


def test_inactive_and_anonymous_callers_are_denied_everything(inactive: User, db: None) -> None:
    nobodies = [
        AnonymousUser(),
        inactive,
        AdministratorFactory(active=False),
        UserFactory(client__active=False),
    ]
    for actor in nobodies:
        for action in CALLS:
            assert not ask(actor, action, pk=getattr(actor, "pk", 1)), (actor, action)
        for action in SESSION_CALLS:
            assert not ask(actor, action, policy=SessionPolicy, pk=1), (actor, action)


def test_visible_to_agrees_with_the_policy_for_every_pair(
    administrator: User, regular: User, stranger: User, inactive: User
) -> None:
    everybody = [
        administrator,
        regular,
        stranger,
        inactive,
        UserFactory(client=regular.client),
        AdministratorFactory(active=False),
        UserFactory(client__active=False),
    ]
    for actor in everybody:
        visible = set(User.objects.visible_to(actor).values_list("pk", flat=True))
        allowed = {row.pk for row in everybody if ask(actor, "retrieve", pk=row.pk)}
        assert visible == allowed, actor


def test_visible_sessions_are_those_that_the_policy_lets_the_actor_list(
    administrator: User, regular: User, stranger: User, inactive: User
) -> None:
    everybody = [administrator, regular, stranger, inactive, UserFactory(client__active=False)]
    for owner in everybody:
        sessions_of(owner)
    for actor in everybody:
        visible = set(Session.objects.visible_to(actor).values_list("user", flat=True))
        allowed = {
            owner.pk
            for owner in everybody
            if ask(actor, "list_of_user", policy=SessionPolicy, pk=owner.pk)
            or (owner == actor and ask(actor, "list", policy=SessionPolicy))
        }
        assert visible == allowed, actor


def test_terms_are_never_for_a_regular_user_and_another_row(regular: User, stranger: User) -> None:
    assert {terms(field, actor=regular, user=stranger) for field in FIELDS} == {Change.NEVER}


def test_every_field_of_a_user_has_its_terms() -> None:
    update: Any = UserViewSet.update_serializer()
    fields = {str(name) for name in update.fields}

    assert set(FIELDS) == fields - {"password_confirmation", "current_password"}


def test_regular_user_learns_nothing_of_other_ids(
    as_regular: APIClient, administrator: User, stranger: User, acme: Client
) -> None:
    colleague = UserFactory(client=acme)
    ids = [colleague.pk, stranger.pk, administrator.pk, 2**62]
    for method in ("get", "put", "patch"):
        answers = [
            getattr(as_regular, method)(f"/users/{row_id}", headers={"X-Request-ID": "same"})
            for row_id in ids
        ]
        assert [answer.status_code for answer in answers] == [403] * 4
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    "query", ["", "?page=0", "?bogus=1", "?search=ada", "?email=ada@example.com", "?page=999"]
)
def test_regular_user_is_refused_lists_alike_whatever_they_ask(
    query: str, as_regular: APIClient
) -> None:
    same = {"X-Request-ID": "same"}
    plain = as_regular.get("/users", headers=same)

    answer = as_regular.get(f"/users{query}", headers=same)

    assert answer.status_code == 403
    assert answer.content == plain.content


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"name": 5}', b'{"client_id": null, "x": 1}', b"\xff", b""]
)
def test_refuses_the_call_before_anything_of_the_body(
    body: bytes, as_regular: APIClient, regular: User, stranger: User
) -> None:
    before = as_row(stranger)
    same = {"X-Request-ID": "same"}
    for method, path in (("POST", "/users"), ("PUT", f"/users/{stranger.pk}")):
        valid = send(
            as_regular,
            method,
            path,
            b'{"name": "x"}',
            content_type="application/json",
            headers=same,
        )
        for media in ("application/json", "text/plain", "multipart/form-data"):
            answer = send(as_regular, method, path, body, content_type=media, headers=same)
            assert answer.status_code == 403
            assert answer.content == valid.content
    assert as_row(stranger) == before


def test_anonymous_callers_get_the_same_401_everywhere(anonymous: APIClient, regular: User) -> None:
    calls = [
        ("GET", "/users"),
        ("POST", "/users"),
        ("GET", f"/users/{regular.pk}"),
        ("PUT", f"/users/{regular.pk}"),
        ("PATCH", "/users/1234567"),
        ("GET", "/users/current"),
        ("GET", f"/users/{regular.pk}/sessions"),
        ("DELETE", "/users/1234567/sessions"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
        ("DELETE", "/auth/sessions/1"),
        ("GET", "/clients"),
        ("POST", "/clients"),
        ("GET", f"/clients/{regular.client_id}"),
        ("PUT", f"/clients/{regular.client_id}"),
    ]
    answers = [
        send(anonymous, method, path, b"{", content_type="text/x", headers={"X-Request-ID": "same"})
        for method, path in calls
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert len({answer.content for answer in answers}) == 1


def test_demotion_and_promotion_bite_on_the_next_request(
    as_administrator: APIClient, regular: User, acme: Client, login: Login
) -> None:
    other = AdministratorFactory()
    demoted, promoted = login(other), login(regular)

    as_administrator.put(f"/users/{other.pk}", {"client_id": acme.pk})
    as_administrator.put(f"/users/{regular.pk}", {"client_id": None})

    assert demoted.get("/users").status_code == 401
    assert promoted.get("/users/current").status_code == 401
    assert login(other).get("/users").status_code == 403
    assert login(regular).get("/users").status_code == 200


def test_role_is_read_from_the_row_on_each_request(
    as_regular: APIClient, regular: User, as_administrator: APIClient, administrator: User
) -> None:
    """Even where somebody edits rows past every verb: the token says nothing of the role."""
    User.objects.filter(pk=regular.pk).update(client=None)
    User.objects.filter(pk=administrator.pk).update(client=regular.client)

    assert as_regular.get("/users").status_code == 200
    assert as_administrator.get("/users").status_code == 403


def test_policy_is_asked_of_a_model_and_not_of_a_lookalike(administrator: User) -> None:
    lookalike = SimpleNamespace(is_active=True, is_administrator=True, pk=administrator.pk)

    assert not isinstance(lookalike, Model)
    assert not ask(lookalike, "list")
