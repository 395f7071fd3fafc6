"""Lists of any length: what their pages show, and what they ask the database."""

from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import Client
from config.operators.paginator import MOST_COUNTED, ListPaginator
from tests.admin_site import enter
from tests.conftest import Login
from tests.factories import ClientFactory, InvitedFactory, UserFactory
from tests.trail import act
from users.models import STATUSES, User
from users.operators.filters import total_of

USERS = "/admin/users/user/"
CHOICE = "/admin/autocomplete/?app_label=users&model_name=user&field_name=client"
PAGES = (
    "/admin/",
    *(f"{USERS}{query}" for query in (
        "", "?role=administrator", "?role=regular", "?status=invited", "?active__exact=1",
        "?last_login=90", "?last_login=never&status=active", "?q=e", "?q=nobody", "?o=2", "?o=-7",
        "?client={client}", "{user}/change/", "{user}/history/", "{user}/password/", "add/",
    )),
    *(f"/admin/clients/client/{query}" for query in ("", "?q=c", "?active__exact=1",
                                                    "{client}/change/", "add/")),
    *(f"/admin/audit/auditevent/{query}" for query in ("", "?event=login", "?q=e", "?days=7",
                                                      "?user={user}")),
    "/admin/users/session/", "/admin/users/session/?q=e", "/admin/users/mail/",
    "/admin/users/mail/?q=e", CHOICE, f"{CHOICE}&term=c",
)  # fmt: skip


def fill(number: int) -> None:
    clients = Client.objects.bulk_create(Client(name=f"C {n}") for n in range(number // 10))
    User.objects.bulk_create(
        User(name=f"Name {n % 7}", email=f"e{n}@example.com", password="!" if n % 3 else "x",
             client=clients[n % len(clients)], active=n % 5 > 0,
             last_login_at=timezone.now() if n % 2 else None)
        for n in range(number)
    )  # fmt: skip


def shown(page: Any) -> list[Any]:
    return list(page.context["cl"].result_list)


def asked(browser: Browser, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        answer = browser.get(path)
    assert answer.status_code == 200, path
    return [query["sql"] for query in seen.captured_queries]


def test_every_page_asks_as_much_at_ten_users_as_at_ten_thousand(
    administrator: User, regular: User, login: Login
) -> None:
    login(regular)
    browser = enter(administrator)
    fill(10)
    paths = [path.format(user=regular.pk, client=regular.client_id) for path in PAGES]
    for path in paths:
        browser.get(path)  # what Django remembers for ever, it has read by now
    few = {path: len(asked(browser, path)) for path in paths}
    User.objects.filter(email__startswith="e").delete()
    Client.objects.filter(name__startswith="C ").delete()

    fill(10_000)

    assert {path: len(asked(browser, path)) for path in paths} == few


@pytest.mark.parametrize("order", ["email", "-email", "name", "last_login_at", "-last_login_at"])
def test_pages_read_from_either_end_are_those_of_the_whole(db: None, order: str) -> None:
    fill(50)
    users = User.objects.order_by(order, "-pk")

    pages = ListPaginator(users, 7, total=50)

    found = [row for number in pages.page_range for row in pages.page(number).object_list]
    assert found == list(users)
    assert pages.num_pages == 8


@pytest.mark.parametrize("page", ["1", "2", "3"])
def test_the_list_shows_its_page(administrator: User, page: str) -> None:
    fill(220)
    first = (int(page) - 1) * 100

    answer = enter(administrator).get(f"{USERS}?p={page}&o=1")

    assert shown(answer) == list(User.objects.order_by("email"))[first : first + 100]
    assert answer.context["cl"].result_count == 221


@pytest.mark.parametrize("page", ["3", "0", "-1"])
def test_a_page_that_there_is_not_leads_back(administrator: User, page: str) -> None:
    fill(120)

    answer = enter(administrator).get(f"{USERS}?p={page}")

    assert (answer.status_code, answer["Location"]) == (302, f"{USERS}?e=1")


def test_shows_all_where_these_are_few(administrator: User) -> None:
    fill(150)

    page = enter(administrator).get(f"{USERS}?all=")

    assert len(shown(page)) == 151
    assert "paginator" in page.content.decode()


def test_counts_no_users_for_their_list(administrator: User) -> None:
    browser = enter(administrator)

    for query in ("", "?role=regular", "?status=invited", "?role=administrator&status=active"):
        assert not [sql for sql in asked(browser, f"{USERS}{query}") if "COUNT(" in sql]


def test_looks_through_the_users_once_for_a_search(administrator: User) -> None:
    fill(300)
    browser = enter(administrator)

    for query in ("?q=example", "?q=e29", "?q=nobody", "?q=example&p=2"):
        assert len([sql for sql in asked(browser, f"{USERS}{query}") if "LIKE" in sql]) == 1


def test_leaves_off_counting_where_a_search_finds_too_many(administrator: User) -> None:
    fill(MOST_COUNTED + 50)
    browser = enter(administrator)

    page = browser.get(f"{USERS}?q=example")
    last = browser.get(f"{USERS}?q=example&p={page.context['cl'].paginator.num_pages}")

    assert "more than 10,000 users" in page.content.decode()
    assert page.context["cl"].result_count == MOST_COUNTED
    assert len(shown(last)) == 100
    assert browser.get(USERS).context["cl"].result_count == MOST_COUNTED + 51


def test_totals_are_those_of_counting(administrator: User, acme: Client) -> None:
    UserFactory.create_batch(2, client=acme, active=False)
    InvitedFactory(client=acme)
    InvitedFactory(client=None, active=False)
    UserFactory()
    browser = enter(administrator)
    choices = {
        "role": ["", "administrator", "regular"],
        "status": ["", *STATUSES],
        "client": ["", str(acme.pk)],
        "active__exact": ["", "1", "0"],
    }

    for values in product(*choices.values()):
        chosen = {name: value for name, value in zip(choices, values, strict=True) if value}
        changes = browser.get(USERS, chosen).context["cl"]

        assert total_of({name: [value] for name, value in chosen.items()}) is not None
        assert changes.result_count == changes.queryset.count() == len(changes.result_list)


def test_what_the_counts_do_not_know_is_counted(administrator: User) -> None:
    assert total_of({"last_login": ["90"]}) is None
    assert total_of({"role": ["administrator", "regular"]}) is None
    assert total_of({"active__exact": ["maybe"]}) is None


def test_the_trail_says_how_long_it_is(administrator: User) -> None:
    browser = enter(administrator)
    act()

    changes = browser.get("/admin/audit/auditevent/").context["cl"]

    assert changes.result_count == len(changes.result_list) == 2
    assert changes.result_list[0].pk > changes.result_list[1].pk


def test_the_choice_of_a_client_goes_on_page_by_page(administrator: User) -> None:
    ClientFactory.create_batch(25)
    browser = enter(administrator)

    first, second = (browser.get(f"{CHOICE}&page={page}").json() for page in (1, 2))

    assert [len(page["results"]) for page in (first, second)] == [20, 5]
    assert [page["pagination"]["more"] for page in (first, second)] == [True, False]
