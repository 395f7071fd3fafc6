"""Bulk actions on users at the operators' site: asked about in numbers, an event for each user."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from config.operators.questions import signature_of
from tests.admin_site import act, enter, hidden_in, is_asked, is_in, say_yes, told
from tests.conftest import Login
from tests.factories import AdministratorFactory, InvitedFactory, UserFactory, as_row
from tests.mails import waiting
from tests.trail import events
from users.admission import send_reset
from users.models import Mail, User
from users.operators import bulk

USERS = "/admin/users/user/"


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


def ask(browser: Browser, action: str, *users: User, across: bool = False, query: str = "") -> Any:
    picked = [user.pk for user in users] or [1]
    body = {"action": action, "index": "0", "select_across": str(int(across))}
    return browser.post(f"{USERS}{query}", {**body, "_selected_action": picked})


def consequences(page: Any) -> list[str]:
    return list(page.context["question"].consequences)


def test_deactivation_is_asked_about_with_numbers(
    browser: Browser, regular: User, inactive: User, login: Login
) -> None:
    colleague, phones = AdministratorFactory(), [login(regular), login(regular)]

    page = ask(browser, "deactivate", regular, inactive, colleague)

    assert page.context["question"].title == "Deactivate 2 users"  # one is inactive already
    assert consequences(page) == [
        "2 people can no longer log in.",
        "1 of them is an administrator.",
        "2 sessions end at once.",
    ]
    assert phones[0].get("/users/current").status_code == 200
    assert as_row(regular)["active"]


def test_all_pages_are_asked_about_without_loading_anybody(
    browser: Browser, administrator: User, acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "LOGGED", 40)
    User.objects.bulk_create(
        User(name=f"U{n}", email=f"u{n}@example.com", client=acme, password="!")
        for n in range(1, 151)
    )
    query = f"?client={acme.pk}"

    with CaptureQueriesContext(connection) as asked:
        page = ask(browser, "deactivate", across=True, query=query)

    assert consequences(page)[0] == "150 people can no longer log in."
    assert not [
        q["sql"]
        for q in asked
        if 'WHERE "users"."client_id"' in q["sql"]
        and not any(word in q["sql"] for word in ("COUNT", "LIMIT"))  # the list has its page
    ]
    assert told(say_yes(browser, f"{USERS}{query}", page)) == [
        ("success", "Users deactivated: 150.")
    ]
    assert list(User.objects.active()) == [administrator]
    assert LogEntry.objects.count() == 150


@pytest.mark.parametrize("action", ["deactivate", "end_sessions"])
def test_what_grew_since_is_asked_about_again(
    browser: Browser, acme: Client, regular: User, login: Login, action: str
) -> None:
    login(regular)
    query = f"?client={acme.pk}"
    page = ask(browser, action, across=True, query=query)
    late = UserFactory(client=acme)

    again = say_yes(browser, f"{USERS}{query}", page)

    assert is_asked(again)
    assert consequences(again)[0] == "The list has changed since you were asked."
    assert (as_row(regular)["active"], as_row(late)["active"]) == (True, True)


def test_refuses_as_a_whole_what_leaves_no_administrator(
    browser: Browser, administrator: User, regular: User
) -> None:
    AdministratorFactory(active=False)
    InvitedFactory(client=None)  # has nothing to get in with
    before, seen = (as_row(administrator), as_row(regular)), len(events())

    page = ask(browser, "deactivate", across=True)

    assert page.status_code == 302  # nothing to ask about
    said = "This would leave no active administrator. Nothing was changed."
    assert told(browser.get(USERS)) == [("error", said)]
    assert (as_row(administrator), as_row(regular)) == before
    assert len(events()) == seen
    assert is_in(browser)


def test_refuses_too_where_the_others_went_since_it_was_asked(
    browser: Browser, administrator: User, regular: User
) -> None:
    colleague = AdministratorFactory()
    page = ask(browser, "deactivate", administrator, regular)
    User.objects.filter(pk=colleague.pk).update(active=False)

    answer = say_yes(browser, USERS, page)

    said = "This would leave no active administrator. Nothing was changed."
    assert told(answer) == [("error", said)]
    assert (as_row(administrator)["active"], as_row(regular)["active"]) == (True, True)


def test_ends_the_sessions_of_many(
    browser: Browser, regular: User, stranger: User, inactive: User, login: Login
) -> None:
    phones = [login(regular), login(regular), login(stranger)]

    page = ask(browser, "end_sessions", regular, stranger, inactive)

    assert consequences(page) == ["3 sessions end at once: all that 3 people have."]
    assert told(say_yes(browser, USERS, page)) == [("success", "Sessions ended: 3.")]
    assert {phone.get("/users/current").status_code for phone in phones} == {401}
    assert is_in(browser)


def test_where_nobody_is_logged_in_there_is_nothing_to_ask(browser: Browser, regular: User) -> None:
    page = act(browser, USERS, "end_sessions", regular)

    assert told(page) == [("success", "Sessions ended: 0.")]


@pytest.mark.parametrize("action", ["deactivate", "end_sessions"])
def test_tells_operators_that_they_are_among_them(
    browser: Browser, administrator: User, regular: User, action: str
) -> None:
    AdministratorFactory()

    page = ask(browser, action, administrator, regular)

    assert consequences(page)[-1] == "You are one of them: you are logged out."
    assert is_in(browser)


def test_sends_links_for_new_passwords(
    browser: Browser, administrator: User, regular: User, inactive: User, stranger: User
) -> None:
    for _ in range(settings.MAILS_PER_HALF_HOUR):
        send_reset(stranger, actor=administrator)
    Mail.objects.update(state="sent", sent_at=administrator.created_at)
    users = (regular, inactive, stranger, InvitedFactory())

    page = ask(browser, "send_resets", *users)

    assert consequences(page) == ["2 people get a mail with a link for a new password."]
    assert told(say_yes(browser, USERS, page)) == [
        ("success", "Links for a new password sent: 1."),
        (
            "warning",
            "Left out, as they are not active, have no password, "
            "or had too many such mails lately: 3.",
        ),
    ]
    assert waiting() == [("password_reset", "rita@example.com")]


def test_invitations_are_asked_about(browser: Browser, acme: Client) -> None:
    users = [InvitedFactory(client=acme), UserFactory(client=acme)]

    page = ask(browser, "invite", *users)

    assert consequences(page) == ["1 person gets a mail with a new invitation."]
    assert waiting() == []


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("deactivate", "user_deactivated"),
        ("end_sessions", "sessions_ended"),
        ("send_resets", "password_reset_requested"),
    ],
)
def test_every_user_has_one_event(
    browser: Browser,
    administrator: User,
    regular: User,
    stranger: User,
    login: Login,
    action: str,
    event: str,
) -> None:
    login(regular)
    login(stranger)
    seen = len(events())

    act(browser, USERS, action, regular, stranger)

    rows = events()[seen:]
    assert [(row["event"], row["target_id"]) for row in rows] == [
        (event, regular.pk),
        (event, stranger.pk),
    ]
    assert {(row["actor_id"], row["door"]) for row in rows} == {(administrator.pk, "admin")}
    noted = LogEntry.objects.order_by("object_id").values_list("object_id", flat=True)
    assert set(noted) == {str(regular.pk), str(stranger.pk)}


def test_says_where_the_trail_has_it(browser: Browser, regular: User) -> None:
    page = act(browser, USERS, "deactivate", regular).content.decode()

    start = "/admin/audit/auditevent/?event=user_deactivated&amp;user="
    (at,) = [part for part in page.split('href="') if part.startswith(start)]
    link = at.partition('"')[0].replace("&amp;", "&")
    assert [row.target for row in browser.get(link).context["cl"].result_list] == [regular.email]


def test_the_question_keeps_what_was_chosen(browser: Browser, regular: User) -> None:
    page = ask(browser, "deactivate", regular)

    assert hidden_in(page) == {
        "action": ["deactivate"],
        "index": ["0"],
        "select_across": ["0"],
        "_selected_action": [str(regular.pk)],
        "confirmed": [signature_of(User.objects.filter(pk=regular.pk))],
    }


@pytest.mark.parametrize("confirmed", ["", "1", "2", "yes", "-1", "1-1-1-1-1"])
def test_no_other_yes_counts(browser: Browser, regular: User, confirmed: str) -> None:
    body = {"action": "deactivate", "_selected_action": [regular.pk], "confirmed": confirmed}

    assert is_asked(browser.post(USERS, body))
    assert as_row(regular)["active"]


@pytest.mark.parametrize("action", ["deactivate", "end_sessions", "invite", "send_resets"])
def test_a_yes_is_never_to_other_people(
    browser: Browser, acme: Client, stranger: User, login: Login, action: str
) -> None:
    login(stranger)
    make = InvitedFactory if action == "invite" else UserFactory
    meant, other = make(client=acme), make(client=None)
    query, seen = f"?client={acme.pk}", len(events())
    login(UserFactory(client=acme))
    asked = ask(browser, action, across=True, query=query)
    User.objects.filter(pk=meant.pk).update(client=None)
    User.objects.filter(pk=other.pk).update(client=acme)

    again = say_yes(browser, USERS + query, asked)

    assert is_asked(again)
    assert consequences(again)[0] == "The list has changed since you were asked."
    assert not {row["target_id"] for row in events()[seen:]} & {meant.pk, other.pk}
    assert not told(say_yes(browser, USERS + query, again))[0][1].endswith(": 0.")
