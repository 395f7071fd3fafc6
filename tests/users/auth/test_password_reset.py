"""A forgotten password: asking for a link tells nothing, the link sets a new one once."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from tests.admin_site import enter, is_in
from tests.conftest import Login, codes
from tests.factories import PASSWORD, InvitedFactory, as_row
from tests.mails import delivered, token_in, waiting
from tests.users.auth.calls import is_dead
from users.hashing import hashing
from users.lifecycle import set_active
from users.links import INVITATION, PASSWORD_RESET
from users.models import Mail, User

CHOSEN = "an entirely new sentence"


def forgot(email: Any, **headers: str) -> Any:
    return APIClient().post(
        "/auth/password/forgotten", {"email": email}, headers={"X-Request-ID": "r1", **headers}
    )


def reset(token: str, password: str = CHOSEN, **more: Any) -> Any:
    body = {"token": token, "password": password, **more}
    return APIClient().post("/auth/password/reset", body)


@pytest.fixture
def token(regular: User) -> str:
    """The token that was mailed to `regular`."""
    assert forgot(regular.email).status_code == 202
    (message,) = delivered()
    return token_in(message)


def may_log_in(user: User, password: str) -> bool:
    body = {"email": user.email, "password": password}
    return bool(APIClient().post("/auth/login", body).status_code == 200)


# Asking


@pytest.mark.parametrize("typed", ["rita@example.com", " RITA@Example.com "])
def test_mails_a_link_to_the_account(regular: User, typed: str) -> None:
    forgot(typed)

    (message,) = delivered()
    assert (message.to, message.subject) == (["rita@example.com"], "Set a new password")
    assert reset(token_in(message)).status_code == 204
    assert may_log_in(regular, CHOSEN)


def test_answers_alike_and_does_the_same_work_for_everybody(
    regular: User, inactive: User, django_assert_num_queries: Any
) -> None:
    answers = []
    for email in ("rita@example.com", "ina@example.com", "nobody@example.com"):
        before = Mail.objects.count()
        answer = forgot(email)
        answers.append((answer.status_code, answer.content, sorted(answer.headers.items())))
        assert Mail.objects.count() == before + 1

    assert answers[0][0] == 202
    assert answers[0] == answers[1] == answers[2]


def test_asks_the_database_the_same_for_everybody(
    regular: User, django_assert_max_num_queries: Any
) -> None:
    counts = []
    for email in ("rita@example.com", "nobody@example.com"):
        with django_assert_max_num_queries(100) as queries:
            forgot(email)
        counts.append([query["sql"].split()[0] for query in queries])

    assert counts[0] == counts[1]


def test_sends_no_mail_to_those_who_may_not_get_in(
    regular: User, inactive: User, stranger: User, globex: Client
) -> None:
    Client.objects.filter(pk=globex.pk).update(active=False)
    invited = InvitedFactory()
    for email in (inactive.email, stranger.email, invited.email, "nobody@example.com"):
        forgot(email)

    assert delivered() == []
    assert waiting() == []


def test_mails_the_stored_address_and_never_a_look_alike(regular: User) -> None:
    User.objects.filter(pk=regular.pk).update(email="mike@example.org")

    assert codes(forgot("m\u0131ke@example.org")) == {"#/email": "invalid"}
    assert codes(forgot("mi\u212ae@example.org")) == {"#/email": "invalid"}
    assert waiting() == []


def test_floods_no_mailbox(regular: User, settings: LazySettings) -> None:
    settings.MAILS_PER_HALF_HOUR = 2
    for _ in range(4):
        forgot(regular.email)

    first, second = delivered()
    with time_machine.travel(timezone.now() + timedelta(minutes=30, seconds=2)):
        # The links of before are dead, so there is room for a live one.
        assert codes(reset(token_in(second))) == {"#/token": "token_not_valid"}
        forgot(regular.email)
        assert len(delivered()) == 1
    assert first.to == second.to


def test_keeps_nothing_that_is_for_nobody(regular: User, inactive: User) -> None:
    for email in ("nobody@example.com", inactive.email):
        forgot(email)

    assert delivered() == []
    assert Mail.objects.count() == 0


def test_who_asks_too_often_may_still_log_in(regular: User, settings: LazySettings) -> None:
    settings.ADDRESS_FAILURES_PER_MINUTE = 2
    assert [forgot("x@example.com").status_code for _ in range(3)] == [202, 202, 429]

    assert may_log_in(regular, PASSWORD)


@pytest.mark.parametrize(
    ("email", "code"),
    [("rita", "invalid"), ("", "blank"), (None, "null"), (5, "invalid"), ("a" * 255, "max_length"),
     ("rita@example.com\nBcc: x@example.com", "invalid"), ("rita@\x00example.com", "invalid")],
    ids=repr,
)  # fmt: skip
def test_refuses_what_is_no_address(db: None, email: Any, code: str) -> None:
    assert codes(forgot(email)) == {"#/email": code}
    assert Mail.objects.count() == 0


def test_counts_every_call_against_the_address(regular: User, settings: LazySettings) -> None:
    settings.ADDRESS_FAILURES_PER_MINUTE = 3
    statuses = [forgot(f"{n}@example.com").status_code for n in range(5)]

    assert statuses == [202, 202, 202, 429, 429]
    assert Mail.objects.count() == 3
    assert int(forgot(regular.email)["Retry-After"]) >= 1


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded"])
def test_no_header_shapes_the_link(regular: User, settings: LazySettings, header: str) -> None:
    settings.LINK_ORIGIN = "https://accounts.example.com"
    settings.ALLOWED_HOSTS = ["*"]

    assert forgot(regular.email, **{header: "evil.example"}).status_code == 202

    (message,) = delivered()
    html = message.alternatives[0][0]
    assert "evil" not in message.body + html
    assert "https://accounts.example.com/password/reset/" in message.body
    assert f"https://accounts.example.com/password/reset/{token_in(message)}" in html


# Resetting


def test_ends_all_sessions(regular: User, login: Login, token: str) -> None:
    devices = [login(regular), login(regular)]

    assert reset(token).status_code == 204

    assert all(is_dead(device) for device in devices)
    assert not may_log_in(regular, PASSWORD)
    assert may_log_in(regular, CHOSEN)


def test_ends_a_log_in_to_the_operators_site(administrator: User) -> None:
    browser = enter(administrator)
    forgot(administrator.email)
    (message,) = delivered()

    reset(token_in(message))

    assert not is_in(browser)


def test_tells_the_owner(regular: User, token: str) -> None:
    reset(token)

    assert waiting() == [("password_changed", regular.email)]


def test_a_link_is_good_for_one_use(regular: User, token: str) -> None:
    assert reset(token).status_code == 204
    before = as_row(regular)

    assert codes(reset(token, "a third long sentence")) == {"#/token": "token_not_valid"}
    assert as_row(regular) == before


@pytest.mark.parametrize(("minutes", "seconds", "status"), [(30, -2, 204), (30, 2, 400)])
def test_a_link_lives_half_an_hour(regular: User, minutes: int, seconds: int, status: int) -> None:
    forgot(regular.email)
    with time_machine.travel(timedelta(0), tick=False) as clock:
        (message,) = delivered()
        clock.shift(timedelta(minutes=minutes, seconds=seconds))

        assert reset(token_in(message)).status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"password": "set by somebody else"},
        {"email": "rita.new@example.com"},
        {"active": False},
    ],
    ids=["password", "email", "active"],
)
def test_a_link_dies_with_a_change_of(
    as_administrator: APIClient, regular: User, token: str, change: dict[str, Any]
) -> None:
    assert as_administrator.put(f"/users/{regular.pk}", change).status_code == 200
    before = as_row(regular)

    assert codes(reset(token)) == {"#/token": "token_not_valid"}
    assert as_row(regular) == before


@pytest.mark.parametrize("by", ["api", "bulk", "client"])
def test_a_link_from_before_a_deactivation_stays_dead(
    as_administrator: APIClient, administrator: User, regular: User, token: str, by: str
) -> None:
    for active in (False, True):
        if by == "api":
            as_administrator.put(f"/users/{regular.pk}", {"active": active})
        elif by == "client":
            as_administrator.put(f"/clients/{regular.client_id}", {"active": active})
        else:
            set_active(User.objects.filter(pk=regular.pk), active, actor=administrator)

    assert codes(reset(token)) == {"#/token": "token_not_valid"}
    assert may_log_in(regular, PASSWORD)


def test_a_link_from_before_a_change_of_address_stays_dead(
    as_administrator: APIClient, regular: User, token: str
) -> None:
    for email in ("other@example.com", regular.email):
        as_administrator.put(f"/users/{regular.pk}", {"email": email})

    assert codes(reset(token)) == {"#/token": "token_not_valid"}


def test_a_link_to_a_user_opens_no_administrator(
    as_administrator: APIClient, regular: User, token: str
) -> None:
    as_administrator.put(f"/users/{regular.pk}", {"client_id": None})

    assert codes(reset(token)) == {"#/token": "token_not_valid"}


def test_another_name_kills_no_link(as_administrator: APIClient, regular: User, token: str) -> None:
    as_administrator.put(f"/users/{regular.pk}", {"name": "Rita Renamed"})

    assert reset(token).status_code == 204


def test_a_link_dies_with_another_link(regular: User, token: str) -> None:
    forgot(regular.email)
    (message,) = delivered()
    reset(token_in(message))

    assert codes(reset(token, "a third long sentence")) == {"#/token": "token_not_valid"}


def test_a_log_in_kills_no_link(regular: User, login: Login, token: str) -> None:
    login(regular)

    assert reset(token).status_code == 204


def test_an_invitation_resets_nothing(regular: User) -> None:
    assert codes(reset(INVITATION.token(regular))) == {"#/token": "token_not_valid"}


def test_a_password_is_held_to_the_rules_and_the_link_lives_on(regular: User, token: str) -> None:
    before = as_row(regular)

    assert codes(reset(token, "rita@example.com")) == {"#/password": "password_too_similar"}
    assert codes(reset(token, CHOSEN, password_confirmation="x")) == {
        "#/password_confirmation": "mismatch"
    }
    assert as_row(regular) == before
    assert reset(token, CHOSEN, password_confirmation=CHOSEN).status_code == 204


def test_spends_no_hash_on_a_bad_link(regular: User, costs: list[int]) -> None:
    reset("1:1:" + "a" * 43)

    assert costs == []


def test_bad_links_count_against_the_address(
    regular: User, token: str, settings: LazySettings
) -> None:
    settings.ADDRESS_FAILURES_PER_MINUTE = 4  # one is spent by asking for the link
    statuses = [reset(f"{n}:1:" + "a" * 43).status_code for n in range(1, 6)]
    before = as_row(regular)

    assert statuses == [400, 400, 400, 429, 429]
    assert reset(token).status_code == 429
    assert as_row(regular) == before


def test_a_bad_password_counts_nothing(token: str, settings: LazySettings) -> None:
    settings.ADDRESS_FAILURES_PER_MINUTE = 2
    for _ in range(4):
        assert reset(token, "short").status_code == 400

    assert reset(token).status_code == 204


def test_two_at_once_set_one_password(
    regular: User, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes between reading the link and taking the lock: while hashing."""
    run = hashing.run
    others: list[Any] = []

    def hash_and_be_overtaken(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(hashing, "run", run)
        others.append(reset(token, "the faster new sentence").status_code)
        return run(*args, **kwargs)

    monkeypatch.setattr(hashing, "run", hash_and_be_overtaken)

    assert codes(reset(token)) == {"#/token": "token_not_valid"}
    assert others == [204]
    assert may_log_in(regular, "the faster new sentence")


def test_a_token_says_nothing_of_the_account(regular: User) -> None:
    assert regular.email not in PASSWORD_RESET.token(regular)
    assert PASSWORD_RESET.token(regular).startswith(f"{regular.pk}:")
