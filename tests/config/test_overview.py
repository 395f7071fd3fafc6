"""The start page of the operators' site: its numbers are those of the lists behind them."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import travel

from clients.models import Client
from config.operators.charts import LONGEST, Bar, bars, ceiling, columns
from tests.admin_site import enter, log_in
from tests.factories import AdministratorFactory, ClientFactory, InvitedFactory, UserFactory
from tests.trail import act
from users.models import User
from users.overview import DAYS, LARGEST, Figure, overview


@pytest.fixture
def browser(administrator: User) -> Browser:
    """Let there be some of everything."""
    now = timezone.now()
    AdministratorFactory(active=False)
    large, small = ClientFactory(name="Large"), ClientFactory(name="Small")
    UserFactory.create_batch(3, client=large, last_login_at=now - timedelta(days=91))
    UserFactory.create_batch(2, client=large, last_login_at=now - timedelta(days=89))
    UserFactory(client=small, active=False, last_login_at=now - timedelta(days=400))
    InvitedFactory.create_batch(4, client=small)
    for number in range(LARGEST):
        UserFactory.create_batch(2, client=ClientFactory(name=f"Middling {number}"))
    return enter(administrator)


def rows_behind(browser: Browser, url: str) -> int:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return int(answer.context["cl"].result_count)


def page_of(browser: Browser) -> Any:
    return browser.get("/admin/")


def linked(context: Any) -> list[Figure]:
    cells = [cell for plot in context["plots"] for _, row in plot.rows for cell in row]
    return [*context["figures"], *(cell for cell in cells if cell.url)]


def test_every_figure_is_that_of_the_list_behind_it(browser: Browser) -> None:
    log_in(browser, "ada@example.com", "wrong")
    figures = linked(page_of(browser).context)

    assert len(figures) > 2 * DAYS
    for figure in figures:
        assert rows_behind(browser, figure.url) == figure.number, figure


def test_says_how_many_there_are(browser: Browser) -> None:
    figures = {figure.name: figure.number for figure in page_of(browser).context["figures"]}

    assert figures == {
        "Users": 32,
        "Administrators": 2,
        "Clients": 12,
        "Invited": 4,
        "Inactive": 2,
        "Dormant": 3,
    }


def test_every_figure_and_every_number_of_a_plot_is_on_the_page(browser: Browser) -> None:
    page = page_of(browser)
    text = unescape(page.content.decode())

    for figure in page.context["figures"]:
        assert f'href="{figure.url}"' in text
    for figure in linked(page.context):
        shown = rf'href="{re.escape(figure.url)}"[^>]*>.*?\b{figure.number}\b'
        assert re.search(shown, text, re.DOTALL)


def test_plots_the_users_of_the_largest_clients_and_of_all_others(browser: Browser) -> None:
    plot = page_of(browser).context["plots"][1]
    numbers = [(name, cell.number) for name, (cell,) in plot.rows]

    assert numbers[:2] == [("Large", 5), ("Small", 5)]
    assert numbers[-2:] == [("All other clients", 4), ("Administrators", 2)]
    assert len(numbers) == LARGEST + 2
    assert sum(number for _, number in numbers) == User.objects.count()


@travel(datetime(2026, 3, 2, 0, 30, tzinfo=UTC), tick=False)
def test_plots_log_ins_and_refusals_by_day_of_utc(administrator: User) -> None:
    for days, refused in ((31, False), (29, True), (1, True), (1, True), (0, True)):
        with travel(timezone.now() - timedelta(days=days), tick=False):
            log_in(Browser(), administrator.email, "wrong" if refused else "correct horse")
    browser = enter(administrator)

    rows = {name: [cell.number for cell in cells]
            for name, cells in overview()["plots"][0].rows}  # fmt: skip

    assert len(rows) == DAYS + 1
    assert rows["All days"] == [1, 4]
    assert rows["2026-03-02"] == [1, 1]
    assert rows["2026-03-01"] == [0, 2]
    assert rows["2026-02-01"] == [0, 1]
    assert page_of(browser).status_code == 200


def test_latest_acts_lead_to_their_page_and_to_whom_they_concern(
    browser: Browser, administrator: User
) -> None:
    client = ClientFactory(name="<b>Acme</b>")
    event = act(actor=administrator, target=client)

    page = page_of(browser).content.decode()

    assert f"/admin/audit/auditevent/{event.pk}/change/" in page
    assert f"/admin/clients/client/{client.pk}/change/" in page
    assert f"/admin/users/user/{administrator.pk}/change/" in page
    assert "<b>Acme" not in page


def test_is_there_where_there_is_nothing(administrator: User) -> None:
    context = page_of(enter(administrator)).context

    assert [figure.number for figure in context["figures"]] == [1, 1, 0, 0, 0, 0]
    assert [name for name, _ in context["plots"][1].rows] == ["Administrators"]


def test_asks_as_much_for_few_as_for_many(administrator: User) -> None:
    browser = enter(administrator)
    page_of(browser)
    with CaptureQueriesContext(connection) as few:
        page_of(browser)
    clients = Client.objects.bulk_create(Client(name=f"C {n}") for n in range(50))
    User.objects.bulk_create(
        User(name="N", email=f"n{n}@example.com", password="!", client=clients[n % 50])
        for n in range(10_000)
    )

    with CaptureQueriesContext(connection) as many:
        page_of(browser)

    assert len(many) == len(few)
    assert len(few) <= 9  # who asks and in which session; the seven of users.overview


def test_keeps_the_lists_of_every_kind_on_the_page(administrator: User) -> None:
    page = page_of(enter(administrator)).content.decode()

    for path in ("users/user", "users/session", "users/mail", "clients/client"):
        assert f'href="/admin/{path}/"' in page
    assert 'href="/admin/audit/auditevent/"' in page


@pytest.mark.parametrize("chosen", ["day=2026-02-30", "day=x", "day=9999-12-31", "day=2026-1-1",
                                    "day=%D9%A2026-01-01", "days=31", "days=-1"])  # fmt: skip
def test_no_such_day_leads_back_to_all_events(administrator: User, chosen: str) -> None:
    answer = enter(administrator).get(f"/admin/audit/auditevent/?{chosen}")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/audit/auditevent/?e=1")


# The drawings


def test_markup_in_names_is_inert_in_a_drawing() -> None:
    name = '"><script>alert(1)</script>'

    drawn = bars(name, [Bar(name, 1, "/?a=1&b=2")]) + columns(name, [name], {name: [1]})

    assert "<script" not in drawn
    assert 'href="/?a=1&amp;b=2"' in drawn


def test_a_drawing_needs_neither_style_nor_script() -> None:
    drawn = bars("t", [Bar("n", 1)]) + columns("t", ["2026-01-01"], {"s": [3]})

    assert not re.search(r"style|script|\son\w+=|https?:", drawn)


def test_a_long_name_is_shortened_and_whole_in_its_title() -> None:
    drawn = bars("t", [Bar("n" * 255, 1)])

    assert f">{'n' * (LONGEST - 1)}…<" in drawn
    assert f"<title>{'n' * 255}: 1</title>" in drawn


@pytest.mark.parametrize(("number", "end"), [(0, 4), (1, 4), (5, 8), (9, 10), (11, 20), (41, 80),
                                             (999, 1000), (3_000_001, 4_000_000)])  # fmt: skip
def test_an_axis_ends_at_a_round_number(number: int, end: int) -> None:
    assert ceiling(number) == end


def test_columns_are_as_high_as_their_numbers() -> None:
    drawn = columns("t", ["2026-01-01", "2026-01-02"], {"s": [4, 1]})

    heights = [float(height) for height in re.findall(r'height="([\d.]+)"', drawn)]
    assert heights[0] == pytest.approx(4 * heights[1], rel=0.01)


def test_draws_nothing_of_nothing() -> None:
    assert "<rect" not in bars("t", []) + columns("t", [], {})
