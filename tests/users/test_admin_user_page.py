"""/admin/users/user/<id>/change/: all that there is to know about a user, on one page."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from clients.models import Client
from tests.admin_site import enter, is_asked, save, send, told
from tests.conftest import Login
from tests.factories import (
    PASSWORD,
    AdministratorFactory,
    InvitedFactory,
    UserFactory,
    as_row,
)
from tests.trail import act as record, events
from users.mail.outbox import Kind, enqueue, enqueue_reset
from users.models import Mail, Session, User


def page_of(user: User) -> str:
    return f"/admin/users/user/{user.pk}/change/"


def acts_on(page: Any) -> list[str]:
    return [act.name for act in page.context["acts"]]


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


def test_says_who_it_is(browser: Browser, regular: User) -> None:
    page = browser.get(page_of(regular)).content.decode()

    assert "<h1>Rita Regular</h1>" in page
    for kind in ("active", "regular"):
        assert f'<span class="badge badge-{kind}">{kind.capitalize()}</span>' in page
    client = f"/admin/clients/client/{regular.client_id}/change/"
    assert f'<a href="{client}"><bdi>Acme</bdi></a>' in page


def test_says_that_the_client_is_inactive(browser: Browser, regular: User) -> None:
    Client.objects.update(active=False)

    for path in (page_of(regular), "/admin/users/user/"):
        page = browser.get(path).content.decode()
        assert '<span class="badge badge-inactive">Client inactive</span>' in page


def test_offers_what_can_be_done(browser: Browser, regular: User, login: Login) -> None:
    assert acts_on(browser.get(page_of(regular))) == ["reset", "deactivate"]
    login(regular)
    assert acts_on(browser.get(page_of(regular))) == ["reset", "deactivate", "end-sessions"]
    assert acts_on(browser.get(page_of(InvitedFactory()))) == ["invite", "deactivate"]
    assert acts_on(browser.get(page_of(UserFactory(active=False)))) == ["activate"]


def test_a_new_user_has_no_acts(browser: Browser) -> None:
    page = browser.get("/admin/users/user/add/")

    assert "acts" not in page.context
    assert "person" not in page.context


# Sessions


def test_lists_the_newest_sessions_with_a_button_each(
    browser: Browser, regular: User, login: Login
) -> None:
    now = timezone.now()
    for n in range(25):
        times = {"created_at": now + timedelta(seconds=n), "refreshed_at": now}
        ends = now + timedelta(days=1)
        Session.objects.create(user=regular, expires_at=ends, user_agent="<b>x</b>", **times)

    page = browser.get(page_of(regular))

    newest = Session.objects.filter(user=regular).order_by("-created_at")[:20]
    shown = [session["row"] for session in page.context["person"]["sessions"]]
    assert shown == list(newest)
    text = page.content.decode()
    assert text.count('name="back_to_user"') == 20
    assert "All sessions of this user (25)" in text
    assert "<b>x</b>" not in text


def test_tells_ones_own_session_apart(browser: Browser, administrator: User) -> None:
    enter(administrator)

    page = browser.get(page_of(administrator))

    assert [session["is_own"] for session in page.context["person"]["sessions"]] == [False, True]
    assert page.content.decode().count('value="End this one: yours"') == 1


def test_ending_a_session_leads_back_to_the_page(
    browser: Browser, regular: User, login: Login
) -> None:
    phone, tablet = login(regular), login(regular)
    session = Session.objects.filter(user=regular).earliest("pk")
    seen = len(events())

    page = browser.post(
        f"/admin/users/session/{session.pk}/end/", {"back_to_user": regular.pk}, follow=True
    )

    assert told(page) == [("success", "Sessions ended: 1.")]
    assert page.redirect_chain == [(page_of(regular), 302)]
    assert phone.get("/users/current").status_code == 401
    assert tablet.get("/users/current").status_code == 200
    assert [(row["event"], row["target_id"]) for row in events()[seen:]] == [
        ("session_ended", regular.pk)
    ]


def test_ending_a_session_that_is_over_says_so(browser: Browser, regular: User) -> None:
    page = browser.post("/admin/users/session/999/end/", {"back_to_user": regular.pk}, follow=True)

    assert told(page) == [("warning", "This session is over already.")]
    assert page.redirect_chain == [(page_of(regular), 302)]


@pytest.mark.parametrize("back", ["//evil.example", "x", "0", "1/../../", ""])
def test_leads_nowhere_else(browser: Browser, back: str) -> None:
    session = Session.objects.get()

    answer = browser.post(f"/admin/users/session/{session.pk}/end/", {"back_to_user": back})

    assert answer["Location"] == "/admin/users/session/"


# Mails


def test_lists_the_latest_mails_to_a_user(browser: Browser, regular: User, stranger: User) -> None:
    for _ in range(4):
        enqueue(Kind.PASSWORD_CHANGED, regular)
    enqueue_reset(regular.email)
    enqueue(Kind.EMAIL_CHANGED, regular, to="old@example.com")
    enqueue_reset(stranger.email)

    page = browser.get(page_of(regular))

    shown = [mail["row"] for mail in page.context["person"]["mails"]]
    assert [(mail.kind, mail.recipient) for mail in shown] == [
        ("email_changed", "old@example.com"),
        ("password_reset", "rita@example.com"),
        *[("password_changed", "rita@example.com")] * 3,
    ]


@pytest.mark.parametrize(
    ("state", "days", "told_of"),
    [("waiting", None, "Waiting just now"), ("sent", 6, "Sent 6 days ago"),
     ("sent", 8, "Expired, sent 1 week ago")],
)  # fmt: skip
def test_says_how_the_invitation_stands(
    browser: Browser, state: str, days: int | None, told_of: str
) -> None:
    invited = InvitedFactory()
    assert browser.get(page_of(invited)).context["person"]["invitation"] == "Never sent"
    enqueue(Kind.INVITATION, invited)
    Mail.objects.update(state=state, sent_at=days and timezone.now() - timedelta(days=days))

    page = browser.get(page_of(invited))

    stands = strip_tags(page.context["person"]["invitation"])
    assert stands.replace("\xa0", " ") == told_of


# The form


def changes_asked(page: Any) -> list[tuple[str, str, str]]:
    return list(page.context["adminform"].form.asked)


def post(browser: Browser, user: User, **changes: Any) -> Any:
    """Send the form once, as a browser does, and do not say yes."""
    form = browser.get(page_of(user)).context["adminform"].form
    typed = {**{name: form[name].value() for name in form.fields}, **changes}
    return browser.post(page_of(user), {k: v for k, v in typed.items() if v not in (None, False)})


@pytest.mark.parametrize(
    ("change", "asked", "told_of"),
    [
        (
            {"active": False},
            ("active", "yes", "no"),
            "Rita Regular (rita@example.com) can no longer log in.",
        ),
        (
            {"email": "r@example.com"},
            ("email", "rita@example.com", "r@example.com"),
            "Rita Regular logs in with the new address from now on.",
        ),
        (
            {"client": ""},
            ("client", "Acme", "none"),
            "Rita Regular becomes an administrator: "
            "they see and change every user and every client.",
        ),
    ],
)
def test_a_dangerous_change_is_asked_about(
    browser: Browser,
    regular: User,
    login: Login,
    change: dict[str, Any],
    asked: tuple[str, str, str],
    told_of: str,
) -> None:
    phone, before, seen = login(regular), as_row(regular), len(events())

    page = post(browser, regular, **change)

    assert is_asked(page)
    assert changes_asked(page) == [asked]
    text = page.content.decode()
    assert told_of in text
    assert "Please correct" not in text
    assert 'value="Yes, save these changes"' in text
    assert (as_row(regular), len(events())) == (before, seen)
    assert phone.get("/users/current").status_code == 200


def test_demotion_tells_who_is_left(browser: Browser, acme: Client) -> None:
    colleague = AdministratorFactory(name="Cleo")

    page = post(browser, colleague, client=acme.pk)

    assert page.context["adminform"].form.consequences == [
        "Cleo is no administrator any more and sees nobody but themselves.",
        "No session ends: there is none.",
        "1 active administrator is left.",
    ]


def test_a_new_address_of_who_is_invited_means_a_new_invitation(browser: Browser) -> None:
    invited = InvitedFactory()

    page = post(browser, invited, email="new@example.com")

    (told_of,) = page.context["adminform"].form.consequences
    assert told_of.endswith("a new invitation goes to the new address.")


def test_another_client_is_asked_about_only_where_one_is_inactive(
    browser: Browser, regular: User, globex: Client, login: Login
) -> None:
    login(regular)
    Client.objects.filter(pk=globex.pk).update(active=False)

    page = post(browser, regular, client=globex.pk)

    assert page.context["adminform"].form.consequences == ["1 session ends at once."]
    Client.objects.filter(pk=globex.pk).update(active=True)
    assert post(browser, regular, client=globex.pk).status_code == 302


def test_activation_is_asked_about(browser: Browser, inactive: User) -> None:
    page = post(browser, inactive, active="on")

    assert page.context["adminform"].form.consequences == [
        f"{inactive.name} can log in again.",
        "No session of before comes back.",
    ]


@pytest.mark.parametrize("change", [{"name": "Rita R."}, {}])
def test_a_harmless_change_is_not_asked_about(
    browser: Browser, regular: User, change: dict[str, str]
) -> None:
    assert post(browser, regular, **change).status_code == 302


def test_a_yes_to_another_change_is_none(browser: Browser, regular: User) -> None:
    page = post(browser, regular, active=False)
    yes = page.context["adminform"].form.confirmation

    again = post(browser, regular, client="", confirmed=yes)

    assert is_asked(again)
    assert as_row(regular)["client_id"] == regular.client_id


def test_a_yes_to_an_old_page_is_stale(browser: Browser, regular: User) -> None:
    shown = browser.get(page_of(regular))
    asked = post(browser, regular, active=False)
    User.objects.filter(pk=regular.pk).update(name="Rita R.")
    yes = asked.context["adminform"].form.confirmation

    page = send(browser, page_of(regular), shown, active=False, confirmed=yes)

    assert page.context["adminform"].form.errors.as_data()["__all__"][0].code == "stale"
    assert as_row(regular)["active"]


def test_ones_own_password_is_never_sent_back(browser: Browser, administrator: User) -> None:
    AdministratorFactory()

    page = post(
        browser, administrator, email="a@example.com", active=False, current_password=PASSWORD
    )

    assert is_asked(page)
    assert PASSWORD not in page.content.decode()
    assert "This is you: you are logged out." in page.content.decode()
    assert as_row(administrator)["email"] == "ada@example.com"


def test_what_would_be_refused_is_not_asked_about(browser: Browser, administrator: User) -> None:
    page = post(browser, administrator, active=False)

    assert not is_asked(page)
    errors = page.context["adminform"].form.errors.as_data()
    assert [error.code for error in errors["__all__"]] == ["last_administrator"]


def test_shows_the_user_as_they_are_while_it_asks(browser: Browser, regular: User) -> None:
    text = post(browser, regular, email="new@example.com", active=False).content.decode()

    head = text.partition("Actions</h2>")[0]
    assert "rita@example.com" in head
    assert "new@example.com" not in head


def test_the_password_page_says_what_will_happen(
    browser: Browser, regular: User, login: Login
) -> None:
    login(regular)

    page = browser.get(f"/admin/users/user/{regular.pk}/password/").content.decode()

    assert "Rita Regular needs the new password from now on. 1 session ends at once." in page


# How much it costs


QUERIES = [
    "SELECT users",  # the operator
    "SELECT sessions",  # their log-in
    "SELECT users",
    "SELECT clients",
    "SELECT sessions",  # the newest
    "SELECT sessions",  # how many
    "SELECT mails",  # about the user
    "SELECT mails",  # asked for with their address
    "SELECT audit_events",  # what they did
    "SELECT audit_events",  # what was done to them
    "SELECT sessions",  # whether there is one to end
    "SELECT clients",  # the one chosen in the form
]


def test_costs_the_same_however_much_there_is(
    browser: Browser, administrator: User, regular: User, login: Login
) -> None:
    counted = []
    for rows in (1, 30):
        now = timezone.now()
        for _ in range(rows):
            ends = now + timedelta(days=1)
            Session.objects.create(user=regular, refreshed_at=now, expires_at=ends)
            enqueue(Kind.PASSWORD_CHANGED, regular)
            record(actor=administrator, target=regular)
            record(actor=regular, target=administrator)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page_of(regular)).status_code == 200
        counted.append([query["sql"] for query in queries])

    tables = [_table(sql) for sql in counted[1]]
    assert [_table(sql) for sql in counted[0]] == tables
    assert tables == QUERIES


def _table(sql: str) -> str:
    words = sql.replace('"', "").split()
    return f"{words[0]} {words[words.index('FROM') + 1]}" if "FROM" in words else words[0]


def test_saves_as_before(browser: Browser, regular: User) -> None:
    assert save(browser, page_of(regular), name="Rita R.").status_code == 302
