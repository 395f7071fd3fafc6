"""/admin/users/user/<id>/acts/…/: what an operator does to one user, and is asked before."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser

from clients.models import Client
from tests.admin_site import enter, is_asked, is_in, say_yes, told
from tests.conftest import Login
from tests.factories import AdministratorFactory, InvitedFactory, UserFactory, as_row
from tests.mails import delivered, waiting
from tests.trail import events
from users.links import INVITATION, PASSWORD_RESET
from users.models import Mail, Session, User


def path_of(user: User, act: str) -> str:
    return f"/admin/users/user/{user.pk}/acts/{act}/"


def page_of(user: User) -> str:
    return f"/admin/users/user/{user.pk}/change/"


def consequences(page: Any) -> list[str]:
    return list(page.context["question"].consequences)


@pytest.fixture
def browser(administrator: User) -> Browser:
    return enter(administrator)


# Asking


def test_deactivation_is_asked_about_with_numbers(
    browser: Browser, regular: User, login: Login
) -> None:
    phones = [login(regular) for _ in range(3)]

    page = browser.get(path_of(regular, "deactivate"))

    assert consequences(page) == [
        "Rita Regular (rita@example.com) can no longer log in.",
        "3 sessions end at once.",
    ]
    assert as_row(regular)["active"]
    assert phones[0].get("/users/current").status_code == 200


def test_a_yes_deactivates_and_says_so(browser: Browser, regular: User, login: Login) -> None:
    phone, path = login(regular), path_of(regular, "deactivate")

    page = say_yes(browser, path, browser.get(path))

    said = "Rita Regular can no longer log in. Sessions ended: 1."
    assert told(page) == [("success", said)]
    assert f'href="/admin/audit/auditevent/?user={regular.pk}">Audit trail' in page.content.decode()
    assert page.redirect_chain == [(page_of(regular), 302)]
    assert not as_row(regular)["active"]
    assert phone.get("/users/current").status_code == 401


@pytest.mark.parametrize("act", ["deactivate", "end-sessions"])
@pytest.mark.parametrize("body", [{}, {"version": ""}, {"version": '"0"'}])
def test_without_a_yes_to_what_is_now_nothing_is_done(
    browser: Browser, regular: User, login: Login, act: str, body: dict[str, str]
) -> None:
    phone, before, seen = login(regular), as_row(regular), len(events())

    page = browser.post(path_of(regular, act), body)

    assert is_asked(page)
    assert as_row(regular) == before
    assert len(events()) == seen
    assert phone.get("/users/current").status_code == 200


def test_a_yes_to_an_old_question_is_asked_again(browser: Browser, regular: User) -> None:
    path = path_of(regular, "deactivate")
    question = browser.get(path)
    User.objects.filter(pk=regular.pk).update(name="Rita R.")

    page = say_yes(browser, path, question)

    said = "This was changed by someone else since you were asked. Nothing was done. Read again."
    assert told(page) == [("warning", said)]
    assert consequences(page)[0].startswith("Rita R. ")
    assert as_row(regular)["active"]


@pytest.mark.parametrize("act", ["invite", "reset", "activate", "deactivate", "end-sessions"])
def test_a_link_never_acts(browser: Browser, regular: User, login: Login, act: str) -> None:
    phone = login(regular)
    for user in (regular, InvitedFactory(), UserFactory(active=False)):
        before, seen = as_row(user), len(events())

        assert browser.get(path_of(user, act)).status_code in (200, 302)
        assert browser.head(path_of(user, act)).status_code in (200, 302)

        assert (as_row(user), len(events()), waiting()) == (before, seen, [])
    assert phone.get("/users/current").status_code == 200


def test_no_other_method_acts(browser: Browser, regular: User) -> None:
    for method in ("put", "patch", "delete"):
        answer = getattr(browser, method)(path_of(regular, "activate"))
        assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")


# One by one


def test_activates_at_once(browser: Browser, inactive: User, login: Login) -> None:
    page = browser.post(path_of(inactive, "activate"), follow=True)

    assert told(page) == [("success", f"{inactive.name} can log in again.")]
    assert login(inactive).get("/users/current").status_code == 200


def test_says_that_an_active_user_of_an_inactive_client_stays_out(
    browser: Browser, acme: Client
) -> None:
    user = UserFactory(name="Una", client=acme, active=False)
    Client.objects.update(active=False)

    page = browser.post(path_of(user, "activate"), follow=True)

    said = "Una is active, but cannot log in: their client is not active."
    assert told(page) == [("success", said)]


def test_ends_all_sessions_of_one_alone(
    browser: Browser, regular: User, stranger: User, login: Login
) -> None:
    phones, other = [login(regular), login(regular)], login(stranger)
    path = path_of(regular, "end-sessions")
    question = browser.get(path)

    page = say_yes(browser, path, question)

    assert consequences(question)[0] == "2 sessions end at once."
    assert told(page) == [("success", "Sessions ended: 2.")]
    assert [phone.get("/users/current").status_code for phone in phones] == [401, 401]
    assert other.get("/users/current").status_code == 200
    assert is_in(browser)


def test_ending_ones_own_sessions_says_that_it_logs_out(
    browser: Browser, administrator: User
) -> None:
    path = path_of(administrator, "end-sessions")
    question = browser.get(path)

    say_yes(browser, path, question)

    assert "This is you: you are logged out." in consequences(question)
    assert not is_in(browser)


def test_invites_again_and_ends_the_link_of_before(browser: Browser, acme: Client) -> None:
    invited = InvitedFactory(client=acme)
    old = INVITATION.token(invited)

    page = browser.post(path_of(invited, "invite"), follow=True)

    said = f"Invitation sent to {invited.email}. Links mailed before are dead."
    assert told(page) == [("success", said)]
    assert waiting() == [("invitation", invited.email)]
    assert INVITATION.read(old, User.objects.all()) is None


def test_sends_a_link_for_a_new_password(browser: Browser, regular: User) -> None:
    page = browser.post(path_of(regular, "reset"), follow=True)

    said = "Link for a new password sent to rita@example.com."
    assert told(page) == [("success", said)]
    (message,) = delivered()
    assert message.to == ["rita@example.com"]
    token = message.body.partition("/password/reset/")[2].split()[0]
    assert PASSWORD_RESET.read(token, User.objects.all()) == regular


def test_says_that_a_link_went_there_lately(browser: Browser, regular: User) -> None:
    browser.post(path_of(regular, "reset"))
    delivered()

    page = browser.post(path_of(regular, "reset"), follow=True)

    assert told(page)[-1][1].endswith("1 such mail went there in the last half hour.")


def test_no_mailbox_is_flooded(browser: Browser, regular: User) -> None:
    for _ in range(settings.MAILS_PER_HALF_HOUR):
        browser.post(path_of(regular, "reset"))
    seen = len(events())

    page = browser.post(path_of(regular, "reset"), follow=True)

    said = "Too many such mails went to this address in the last half hour. Nothing was changed."
    assert told(page)[-1] == ("error", said)
    assert (Mail.objects.count(), len(events())) == (settings.MAILS_PER_HALF_HOUR, seen)


# What cannot be done


@pytest.mark.parametrize(
    ("act", "made", "why"),
    [
        ("invite", {}, "This user has a password. They can ask for a new one themselves."),
        ("reset", {"active": False}, "This user or their client is not active."),
        ("activate", {}, "This user is active already."),
        ("deactivate", {"active": False}, "This user is not active."),
        ("end-sessions", {"name": "Una"}, "Una is logged in nowhere."),
    ],
)
def test_what_is_not_possible_says_why(
    browser: Browser, acme: Client, act: str, made: dict[str, Any], why: str
) -> None:
    user = UserFactory(client=acme, **made)
    before, seen = as_row(user), len(events())

    page = browser.post(path_of(user, act), follow=True)

    assert told(page) == [("warning", f"{why} Nothing was changed.")]
    assert (as_row(user), len(events()), waiting()) == (before, seen, [])
    assert path_of(user, act) not in page.content.decode()  # nor is it offered


@pytest.mark.parametrize(
    ("act", "active", "why"),
    [
        ("reset", True, "This user has no password yet. Send an invitation instead."),
        ("invite", False, "This user or their client is not active."),
    ],
)
def test_who_is_invited_has_no_password_to_reset(
    browser: Browser, acme: Client, act: str, active: bool, why: str
) -> None:
    user = InvitedFactory(client=acme, active=active)

    page = browser.post(path_of(user, act), follow=True)

    assert told(page) == [("warning", f"{why} Nothing was changed.")]
    assert waiting() == []


def test_the_last_administrator_stays(browser: Browser, administrator: User) -> None:
    AdministratorFactory(active=False)
    before, path = as_row(administrator), path_of(administrator, "deactivate")
    seen = len(events())

    page = say_yes(browser, path, browser.get(path))

    said = "This would leave no active administrator. Nothing was changed."
    assert told(page) == [("error", said)]
    assert (as_row(administrator), len(events())) == (before, seen)
    assert is_in(browser)


def test_says_how_many_administrators_are_left(browser: Browser) -> None:
    colleague = AdministratorFactory()

    page = browser.get(path_of(colleague, "deactivate"))

    assert "1 active administrator is left." in consequences(page)


@pytest.mark.parametrize("object_id", ["999", "0", "x", "99999999999999999999", "1%00"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_there_are_no_acts_for_nobody(browser: Browser, object_id: str, method: str) -> None:
    path = f"/admin/users/user/{object_id}/acts/deactivate/"

    assert getattr(browser, method)(path).status_code == 404


@pytest.mark.parametrize("act", ["delete", "promote", "Deactivate", "x" * 300])
def test_there_is_no_other_act(browser: Browser, regular: User, act: str) -> None:
    assert browser.post(path_of(regular, act)).status_code == 404


# Who


def test_acts_of_who_was_demoted_since_are_refused(
    browser: Browser, administrator: User, acme: Client, regular: User
) -> None:
    question = browser.get(path_of(regular, "deactivate"))
    AdministratorFactory()
    User.objects.filter(pk=administrator.pk).update(client=acme)

    page = say_yes(browser, path_of(regular, "deactivate"), question)

    assert page.redirect_chain[0][0].startswith("/admin/login/")
    assert as_row(regular)["active"]


def test_nobody_acts_without_logging_in(db: None, regular: User) -> None:
    answer = Browser().post(path_of(regular, "end-sessions"))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_a_form_of_another_site_does_nothing(administrator: User, inactive: User) -> None:
    browser = enter(administrator)
    strict = Browser(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    assert strict.post(path_of(inactive, "activate")).status_code == 403
    assert not as_row(inactive)["active"]


def test_names_are_inert_in_questions_and_messages(browser: Browser, acme: Client) -> None:
    user = UserFactory(name="<script>alert(1)</script>", client=acme)
    path = path_of(user, "deactivate")
    question = browser.get(path)

    page = say_yes(browser, path, question)

    assert "<script>alert" not in question.content.decode() + page.content.decode()
    assert "&lt;script&gt;alert(1)" in question.content.decode()


# The trail


@pytest.mark.parametrize(
    ("act", "event", "changes"),
    [
        ("deactivate", "user_updated", {"active": [True, False]}),
        ("end-sessions", "sessions_ended", {}),
        ("reset", "password_reset_requested", {}),
    ],
)
def test_every_act_is_one_event(
    browser: Browser,
    administrator: User,
    regular: User,
    login: Login,
    act: str,
    event: str,
    changes: dict[str, Any],
) -> None:
    login(regular)
    seen, path = len(events()), path_of(regular, act)
    page = browser.get(path)

    say_yes(browser, path, page)

    (row,) = events()[seen:]
    assert (row["event"], row["changes"]) == (event, changes)
    assert (row["actor_id"], row["target_id"]) == (administrator.pk, regular.pk)
    assert (row["door"], row["target_type"]) == ("admin", "user")
    assert LogEntry.objects.get().object_id == str(regular.pk)


def test_activation_and_invitation_are_one_event_each(
    browser: Browser, inactive: User, acme: Client
) -> None:
    invited, seen = InvitedFactory(client=acme), len(events())

    browser.post(path_of(inactive, "activate"))
    browser.post(path_of(invited, "invite"))

    rows = [(row["event"], row["target_id"], row["door"]) for row in events()[seen:]]
    assert rows == [
        ("user_updated", inactive.pk, "admin"),
        ("invitation_sent", invited.pk, "admin"),
    ]


def test_acts_leave_other_sessions_alone(browser: Browser, regular: User, stranger: User) -> None:
    browser.post(path_of(regular, "reset"))

    assert Session.objects.count() == 1
    assert is_in(browser)
