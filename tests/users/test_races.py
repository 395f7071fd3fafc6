"""What happens when another request writes between a check and the save."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import codes
from tests.factories import ClientFactory, UserFactory, as_row
from users.models import User


@contextmanager
def after(part: str, act: Callable[[], object]) -> Iterator[None]:
    """Run `act` after the first query with `part` in it: no transaction is open yet."""
    done: list[str] = []

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if part in sql and not done:
            done.append(sql)
            act()
        return result

    with connection.execute_wrapper(wrap):
        yield
    assert done


FIND = 'SELECT "users"'
IS_TAKEN = 'AS "a" FROM "{table}"'


def test_update_keeps_what_another_has_saved_in_between(
    as_administrator: APIClient, regular: User
) -> None:
    def rename() -> None:
        User.objects.filter(pk=regular.pk).update(name="Renamed in between")

    with after(FIND, rename):
        answer = as_administrator.put(f"/users/{regular.pk}", {"active": False})

    assert answer.status_code == 200
    assert answer.json()["name"] == "Renamed in between"
    assert not as_row(regular)["active"]


def test_update_on_an_etag_loses_to_what_came_in_between(
    as_administrator: APIClient, regular: User
) -> None:
    headers = {"If-Match": as_administrator.get(f"/users/{regular.pk}")["ETag"]}

    def rename() -> None:
        User.objects.filter(pk=regular.pk).update(name="Renamed in between")

    with after(FIND, rename):
        answer = as_administrator.put(f"/users/{regular.pk}", {"active": False}, headers=headers)

    assert answer.status_code == 412
    assert as_row(regular)["active"]


def test_client_update_keeps_what_another_has_saved_in_between(
    as_administrator: APIClient, acme: Client
) -> None:
    def switch_off() -> None:
        Client.objects.filter(pk=acme.pk).update(active=False)

    with after('SELECT "clients"', switch_off):
        answer = as_administrator.put(f"/clients/{acme.pk}?include=active", {"active": True})

    assert answer.json() == {"id": acme.pk, "name": "Acme", "active": True}
    assert Client.objects.get(pk=acme.pk).active


@pytest.mark.django_db(transaction=True)
def test_email_taken_in_between_is_told_as_any_other(
    as_administrator: APIClient, regular: User
) -> None:
    body = {"name": "N", "email": "n@example.com", "client_id": None, "password": "brave horses 1"}

    is_taken = IS_TAKEN.format(table="users")
    with after(is_taken, lambda: UserFactory(email="n@example.com", client=None)):
        created = as_administrator.post("/users", body)
    with after(is_taken, lambda: UserFactory(email="m@example.com", client=None)):
        updated = as_administrator.put(f"/users/{regular.pk}", {"email": "m@example.com"})

    assert codes(created) == codes(updated) == {"#/email": "unique"}
    assert User.objects.filter(email="n@example.com").count() == 1
    assert as_row(regular)["email"] == "rita@example.com"


@pytest.mark.django_db(transaction=True)
def test_name_of_a_client_taken_in_between_is_told_as_any_other(
    as_administrator: APIClient, acme: Client
) -> None:
    is_taken = IS_TAKEN.format(table="clients")
    with after(is_taken, lambda: ClientFactory(name="INITECH")):
        created = as_administrator.post("/clients", {"name": "Initech"})
    with after(is_taken, lambda: ClientFactory(name="HOOLI")):
        updated = as_administrator.put(f"/clients/{acme.pk}", {"name": "Hooli"})

    assert codes(created) == codes(updated) == {"#/name": "unique"}
    assert set(Client.objects.values_list("name", flat=True)) == {"Acme", "INITECH", "HOOLI"}
