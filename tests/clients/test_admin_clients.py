"""/admin/clients/client/: operators change clients by the same rules as through the API."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from clients.models import Client
from tests.admin_site import enter, errors, save
from tests.conftest import Login
from tests.factories import ClientFactory, UserFactory
from users.models import User

CLIENTS = "/admin/clients/client/"


def page_of(client: Client) -> str:
    return f"{CLIENTS}{client.pk}/change/"


def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Client.objects.order_by("pk").values()]


def test_adds_a_client(administrator: User) -> None:
    answer = save(enter(administrator), f"{CLIENTS}add/", name="  Acme ")

    assert answer.status_code == 302, errors(answer)
    assert Client.objects.values_list("name", "active").get() == ("Acme", True)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "required"),
        ("   ", "required"),
        ("\u200b\u2060", "blank"),
        ("a\u2066b", "invalid"),
        ("a\x07b", "invalid"),
        ("x" * 256, "max_length"),
        ("acme", "unique"),
        (" ACME\t", "unique"),
        ("Øresund ÆØÅ", "unique"),
    ],
)
@pytest.mark.parametrize("path", ["add/", "globex"])
def test_refuses_a_name(
    administrator: User, acme: Client, globex: Client, path: str, name: str, code: str
) -> None:
    ClientFactory(name="øRESUND æøå")
    before = rows()
    page = page_of(globex) if path == "globex" else f"{CLIENTS}{path}"

    answer = save(enter(administrator), page, name=name)

    assert errors(answer) == {"name": [code]}
    assert rows() == before
    assert not LogEntry.objects.exists()


def test_changes_a_client(administrator: User, acme: Client) -> None:
    answer = save(enter(administrator), page_of(acme), name=" ACME ")

    assert answer.status_code == 302, errors(answer)
    assert Client.objects.get().name == "ACME"
    assert json.loads(LogEntry.objects.get().change_message) == [{"changed": {"fields": ["Name"]}}]


def test_keeps_what_others_changed_since_the_page_was_loaded(
    administrator: User, acme: Client
) -> None:
    answer = save(enter(administrator), page_of(acme), name="Apex", version='"0"')

    assert errors(answer) == {"__all__": ["stale"]}
    assert Client.objects.get().name == "Acme"


def test_deactivation_ends_the_sessions_of_its_users_for_good(
    administrator: User, acme: Client, regular: User, stranger: User, login: Login
) -> None:
    phone, other, browser = login(regular), login(stranger), enter(administrator)

    save(browser, page_of(acme), active=False)

    assert phone.get("/users/current").status_code == 401
    assert other.get("/users/current").status_code == 200
    save(browser, page_of(acme), active=True)
    assert phone.get("/users/current").status_code == 401
    assert login(regular).get("/users/current").status_code == 200


def test_counts_users(administrator: User, acme: Client, globex: Client) -> None:
    for active in (True, False):
        UserFactory(client=acme, active=active)

    page = enter(administrator).get(CLIENTS)

    assert [row.users_count for row in page.context["cl"].result_list] == [2, 0]
    assert f'<a href="/admin/users/user/?client={acme.pk}">2</a>' in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Acme", "Globex", "Übel & Söhne"]),
        ("q=ACM", ["Acme"]),
        ("q=%C3%BCBEL+s%C3%B6hne", ["Übel & Söhne"]),
        ("q=e&active__exact=0", ["Globex"]),
        ("q=nobody", []),
        ("o=-1", ["Übel & Söhne", "Globex", "Acme"]),
        ("q=" + "x" * 256, []),
    ],
)
def test_finds(administrator: User, acme: Client, query: str, found: list[str]) -> None:
    ClientFactory(name="Globex", active=False)
    ClientFactory(name="Übel & Söhne")

    page = enter(administrator).get(f"{CLIENTS}?{query}")

    assert [client.name for client in page.context["cl"].result_list] == found


@pytest.mark.parametrize("query", ["users__password__startswith=a", "name=Acme", "bogus=1"])
def test_leads_back_from_a_filter_that_there_is_not(administrator: User, query: str) -> None:
    answer = enter(administrator).get(f"{CLIENTS}?{query}")

    assert (answer.status_code, answer["Location"]) == (302, f"{CLIENTS}?e=1")


def test_offers_clients_by_typing(administrator: User, acme: Client, globex: Client) -> None:
    query = "app_label=users&model_name=user&field_name=client&term=GLO"

    answer = enter(administrator).get(f"/admin/autocomplete/?{query}")

    assert answer.json()["results"] == [{"id": str(globex.pk), "text": "Globex"}]
