"""/admin/clients/client/: whom a client lets in, and what it means to shut it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from tests.admin_site import act, enter, is_asked, is_in, save, say_yes, told
from tests.conftest import Login
from tests.factories import AdministratorFactory, ClientFactory, InvitedFactory, UserFactory
from tests.trail import act as record, events
from users.models import User

CLIENTS = "/admin/clients/client/"


def page_of(client: Client) -> str:
    return f"{CLIENTS}{client.pk}/change/"


def path_of(client: Client, name: str) -> str:
    return f"{CLIENTS}{client.pk}/acts/{name}/"


def is_active(client: Client) -> bool:
    return Client.objects.get(pk=client.pk).active


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


# The page


def test_counts_users_by_status_with_links(browser: Browser, acme: Client, globex: Client) -> None:
    UserFactory.create_batch(3, client=acme)
    InvitedFactory.create_batch(2, client=acme)
    UserFactory(client=acme, active=False)
    UserFactory(client=globex)

    page = browser.get(page_of(acme))

    users = page.context["client"]["users"]
    assert [(status, number) for status, number, _ in users] == [
        ("active", 3), ("invited", 2), ("inactive", 1),
    ]  # fmt: skip
    for _, number, address in users:
        assert len(browser.get(address).context["cl"].result_list) == number


def test_costs_the_same_however_much_there_is(
    browser: Browser, administrator: User, acme: Client
) -> None:
    counted = []
    for rows in (1, 10):
        UserFactory.create_batch(rows, client=acme)
        for _ in range(rows):
            record(actor=administrator, target=acme)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page_of(acme)).status_code == 200
        counted.append(len(queries))

    # The operator, their session, the client, its users by status, its events.
    assert counted == [7, 7]


def test_has_a_time_line_of_its_own(
    browser: Browser, administrator: User, acme: Client, globex: Client
) -> None:
    save(browser, page_of(acme), name="Apex")
    save(browser, page_of(globex), name="Globe")

    page = browser.get(page_of(acme))

    (line,) = page.context["client"]["time_line"]
    assert (line.words, line.actor, line.changes) == (
        "Client updated", "ada@example.com", 'name: "Acme" → "Apex"',
    )  # fmt: skip
    events_of_it = f"/admin/audit/auditevent/?client={acme.pk}"
    assert f'href="{events_of_it}"' in page.content.decode()
    assert [row.target_id for row in browser.get(events_of_it).context["cl"].result_list] == [
        acme.pk
    ]


@pytest.mark.parametrize("chosen", ["0", "x", "99999999999999999999"])
def test_leads_back_from_events_of_no_client(browser: Browser, chosen: str) -> None:
    answer = browser.get(f"/admin/audit/auditevent/?client={chosen}")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/audit/auditevent/?e=1")


def test_a_new_client_has_no_acts(browser: Browser) -> None:
    assert "acts" not in browser.get(f"{CLIENTS}add/").context


def test_markup_in_names_is_inert(browser: Browser, acme: Client) -> None:
    Client.objects.update(name="<script>alert(1)</script>")

    question = browser.get(path_of(acme, "deactivate"))
    done = say_yes(browser, path_of(acme, "deactivate"), question)

    for page in (question, done, browser.get(CLIENTS)):
        assert "<script>alert" not in page.content.decode()


# Activation and deactivation


def warning(people: str, sessions: str) -> list[str]:
    return [
        f"Acme: {people} can no longer log in and {sessions} at once.",
        "Links that were mailed to them are dead, and stay so.",
    ]


def test_deactivation_is_asked_about_in_numbers(
    browser: Browser, acme: Client, regular: User, login: Login
) -> None:
    phones = [login(regular), login(regular)]
    UserFactory(client=acme, active=False)  # is out already

    page = browser.get(path_of(acme, "deactivate"))

    assert page.context["question"].consequences == warning("1 person", "2 sessions end")
    assert is_active(acme)
    assert phones[0].get("/users/current").status_code == 200


def test_a_yes_deactivates_and_says_so(
    browser: Browser, acme: Client, regular: User, stranger: User, login: Login
) -> None:
    phone, other, path = login(regular), login(stranger), path_of(acme, "deactivate")

    page = say_yes(browser, path, browser.get(path))

    said = "Acme: 1 person can no longer log in. Sessions ended: 1."
    assert told(page) == [("success", said)]
    assert not is_active(acme)
    assert phone.get("/users/current").status_code == 401
    assert other.get("/users/current").status_code == 200


def test_activation_is_asked_about_and_done(
    browser: Browser, acme: Client, regular: User, login: Login
) -> None:
    Client.objects.filter(pk=acme.pk).update(active=False)
    path = path_of(acme, "activate")
    question = browser.get(path)

    page = say_yes(browser, path, question)

    assert question.context["question"].consequences[0] == "Acme: 1 person can log in again."
    assert told(page) == [("success", "Acme is active: 1 person can log in again.")]
    assert login(regular).get("/users/current").status_code == 200


@pytest.mark.parametrize("body", [{}, {"version": '"0"'}])
def test_without_a_yes_nothing_is_done(
    browser: Browser, acme: Client, body: dict[str, str]
) -> None:
    seen = len(events())

    assert is_asked(browser.post(path_of(acme, "deactivate"), body))

    assert (is_active(acme), len(events())) == (True, seen)


@pytest.mark.parametrize(
    ("name", "active", "why"),
    [("activate", True, "This client is active already."),
     ("deactivate", False, "This client is not active.")],
)  # fmt: skip
def test_what_is_so_already_is_said(
    browser: Browser, acme: Client, name: str, active: bool, why: str
) -> None:
    Client.objects.update(active=active)
    seen = len(events())

    page = browser.post(path_of(acme, name), follow=True)

    assert told(page) == [("warning", f"{why} Nothing was changed.")]
    assert (is_active(acme), len(events())) == (active, seen)


@pytest.mark.parametrize("path", ["999/acts/activate/", "x/acts/activate/", "1/acts/delete/"])
def test_there_is_no_other_act(browser: Browser, acme: Client, path: str) -> None:
    assert browser.post(f"{CLIENTS}{path}").status_code == 404


def test_the_form_asks_likewise(
    browser: Browser, acme: Client, regular: User, login: Login
) -> None:
    login(regular)
    form = browser.get(page_of(acme)).context["adminform"].form
    typed = {"name": "Apex", "version": form["version"].value()}

    page = browser.post(page_of(acme), typed)

    asking = page.context["adminform"].form
    assert asking.asked == [("active", "yes", "no")]
    assert asking.consequences == warning("1 person", "1 session ends")
    assert Client.objects.get(pk=acme.pk).name == "Acme"
    saved = browser.post(page_of(acme), {**typed, "confirmed": asking.confirmation})
    assert saved.status_code == 302
    assert not is_active(acme)


def test_who_was_demoted_since_deactivates_nothing(
    browser: Browser, administrator: User, acme: Client, globex: Client
) -> None:
    question = browser.get(path_of(acme, "deactivate"))
    AdministratorFactory()
    User.objects.filter(pk=administrator.pk).update(client=globex)

    say_yes(browser, path_of(acme, "deactivate"), question)

    assert is_active(acme)


# Many at once


def test_deactivates_many(
    browser: Browser, acme: Client, globex: Client, regular: User, stranger: User, login: Login
) -> None:
    phones = [login(regular), login(regular), login(stranger)]
    off = ClientFactory(name="Off", active=False)
    body: dict[str, Any] = {
        "action": "deactivate",
        "_selected_action": [acme.pk, globex.pk, off.pk],
    }

    page = browser.post(CLIENTS, body)

    assert page.context["question"].title == "Deactivate 2 clients"
    assert page.context["question"].consequences[0] == (
        "2 clients: 2 people can no longer log in and 3 sessions end at once."
    )
    assert is_active(acme)
    done = say_yes(browser, CLIENTS, page)
    assert told(done) == [("success", "Clients deactivated: 2. Sessions ended: 3.")]
    assert (is_active(acme), is_active(globex)) == (False, False)
    assert {phone.get("/users/current").status_code for phone in phones} == {401}
    assert is_in(browser)


def test_activates_many(browser: Browser, acme: Client, globex: Client) -> None:
    Client.objects.update(active=False)

    page = act(browser, CLIENTS, "activate", acme, globex)

    assert told(page) == [("success", "Clients activated: 2.")]
    assert (is_active(acme), is_active(globex)) == (True, True)


def test_nothing_to_change_is_nothing_to_ask(browser: Browser, acme: Client) -> None:
    seen = len(events())

    page = act(browser, CLIENTS, "activate", acme)

    assert told(page) == [("success", "Clients activated: 0.")]
    assert len(events()) == seen


# The trail


@pytest.mark.parametrize("way", ["act", "bulk", "form"])
def test_every_way_is_one_event_a_client(
    browser: Browser, administrator: User, acme: Client, regular: User, login: Login, way: str
) -> None:
    login(regular)
    seen = len(events())
    path = path_of(acme, "deactivate")

    match way:
        case "act":
            say_yes(browser, path, browser.get(path))
        case "bulk":
            act(browser, CLIENTS, "deactivate", acme)
        case "form":
            save(browser, page_of(acme), active=False)

    (row,) = events()[seen:]
    assert (row["event"], row["changes"]) == ("client_updated", {"active": [True, False]})
    assert (row["actor_id"], row["target_type"], row["target_id"]) == (
        administrator.pk, "client", acme.pk,
    )  # fmt: skip
    assert (row["door"], row["details"]) == ("admin", {"sessions_ended": 1})
    assert LogEntry.objects.get().object_id == str(acme.pk)
