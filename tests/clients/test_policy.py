"""Who may do what to clients: every call, every kind of caller, every kind of row."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.viewsets import GenericViewSet

from clients.models import Client
from clients.policies import CALLS, ClientPolicy
from tests.conftest import Login
from tests.factories import AdministratorFactory, UserFactory
from users.models import User

MATRIX = """
call            row      nobody  administrator  regular  inactive  of_inactive_client
list            -        401     200            403      401       401
create          -        401     201            403      401       401
retrieve        own      401     200            200      401       401
retrieve        other    401     200            403      401       401
retrieve        missing  401     404            403      401       401
update          own      401     200            403      401       401
update          other    401     200            403      401       401
update          missing  401     404            403      401       401
partial_update  own      401     200            403      401       401
partial_update  other    401     200            403      401       401
partial_update  missing  401     404            403      401       401
"""

METHODS = {
    "list": "get",
    "create": "post",
    "retrieve": "get",
    "update": "put",
    "partial_update": "patch",
}


def read_matrix() -> list[tuple[str, str, str, int]]:
    """Return each `(call, row, caller, status)`."""
    head, *lines = MATRIX.strip().splitlines()
    return [
        (call, row, caller, int(status))
        for call, row, *statuses in map(str.split, lines)
        for caller, status in zip(head.split()[2:], statuses, strict=True)
    ]


@pytest.mark.parametrize(("call", "row", "caller", "status"), read_matrix())
def test_answers_as_the_matrix_says(
    call: str,
    row: str,
    caller: str,
    status: int,
    login: Login,
    anonymous: APIClient,
    acme: Client,
    globex: Client,
) -> None:
    client = anonymous
    if caller != "nobody":
        user = UserFactory(client=None if caller == "administrator" else acme)
        client = login(user)
        # Past every verb, so that the session is still there: the rows alone must stop them.
        User.objects.filter(pk=user.pk).update(active=caller != "inactive")
        Client.objects.filter(pk=acme.pk).update(active=caller != "of_inactive_client")
    row_id = {"own": acme.pk, "other": globex.pk}.get(row, 2**62)
    path = "/clients" if row == "-" else f"/clients/{row_id}"
    before = list(Client.objects.order_by("pk").values())
    method = METHODS[call]

    answer = getattr(client, method)(path, {"name": "New"} if method != "get" else None)

    assert answer.status_code == status, answer.content
    changed = list(Client.objects.order_by("pk").values()) != before
    assert changed == (status in (200, 201) and method != "get")


def test_matrix_has_every_call() -> None:
    assert {call for call, *_ in read_matrix()} == set(CALLS)


def ask(actor: Any, action: str | None, **kwargs: Any) -> bool:
    request = cast(Request, SimpleNamespace(user=actor))
    view = cast(GenericViewSet[Client], SimpleNamespace(action=action, kwargs=kwargs))
    return ClientPolicy().has_permission(request, view)


@pytest.mark.parametrize("action", ["destroy", "metadata", "", None, "current"])
def test_unknown_action_is_denied(action: str | None, administrator: User, regular: User) -> None:
    assert not ask(administrator, action, pk=1)
    assert not ask(regular, action, pk=regular.client_id)


def test_inactive_and_anonymous_callers_are_denied_everything(inactive: User) -> None:
    nobodies = [
        AnonymousUser(),
        inactive,
        AdministratorFactory(active=False),
        UserFactory(client__active=False),
    ]
    for actor in nobodies:
        for action in CALLS:
            own = getattr(actor, "client_id", None)
            assert not ask(actor, action, pk=own), (actor, action)
            assert not ask(actor, action), (actor, action)


def test_visible_to_agrees_with_the_policy_for_every_pair(
    administrator: User, regular: User, stranger: User, inactive: User
) -> None:
    closed = UserFactory(client__active=False)
    actors = [
        administrator, regular, stranger, inactive, closed, AdministratorFactory(active=False)
    ]  # fmt: skip
    rows = list(Client.objects.values_list("pk", flat=True))
    assert len(rows) == 3
    for actor in actors:
        visible = set(Client.objects.visible_to(actor).values_list("pk", flat=True))
        assert visible == {pk for pk in rows if ask(actor, "retrieve", pk=pk)}, actor


def test_regular_user_learns_nothing_of_other_ids(
    as_regular: APIClient, globex: Client, acme: Client
) -> None:
    for method, ids in (("get", [globex.pk, 2**62]), ("put", [acme.pk, globex.pk, 2**62])):
        answers = [
            getattr(as_regular, method)(f"/clients/{row_id}", headers={"X-Request-ID": "same"})
            for row_id in ids
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.content for answer in answers}) == 1


def test_users_of_two_clients_see_nothing_of_each_other(
    login: Login, regular: User, stranger: User
) -> None:
    """Whatever they try, no answer holds a name, an email or a count of the other side."""
    client = login(regular)
    secrets = ("Globex", "Stan", "stan@", "count")
    attempts = [
        client.get("/users?search=stan"),
        client.get(f"/users/{stranger.pk}?include=active"),
        client.put(f"/users/{stranger.pk}", {"name": "x"}),
        client.get(f"/clients/{stranger.client_id}?include=users_count"),
        client.get("/clients?search=globex"),
        client.post("/clients", {"name": "Globex"}),
        client.put(f"/clients/{stranger.client_id}", {"name": "Acme"}),
        client.put(f"/users/{regular.pk}", {"client_id": stranger.client_id}),
        client.post("/users", {"email": stranger.email}),
    ]
    for answer in attempts:
        assert answer.status_code == 403
        assert not any(word in answer.content.decode() for word in secrets)
