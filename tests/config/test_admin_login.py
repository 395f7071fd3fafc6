"""/admin/login/ and /admin/logout/: who gets in, for how long."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone
from typing_extensions import override

from tests.admin_site import REFUSED, act, enter, is_in, log_in
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, as_row
from users.hashers import Argon2idHasher
from users.models import Session, User


@pytest.mark.parametrize("typed", ["ada@example.com", "ADA@Example.COM", "  ada@example.com "])
def test_lets_an_administrator_in(administrator: User, typed: str) -> None:
    browser = Client()

    answer = log_in(browser, typed)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert is_in(browser)


def test_asks_for_the_email(db: None) -> None:
    page = Client().get("/admin/login/")

    assert page.context["form"].fields["username"].label == "Email"
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("rita@example.com", PASSWORD),  # a regular user
        ("ina@example.com", PASSWORD),  # inactive
        ("off@example.com", PASSWORD),  # an inactive administrator
        ("ada@example.com", "wrong"),
        ("ada@example.com", PASSWORD + " "),
        ("ada@example.com", PASSWORD.upper()),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("ad\N{FULLWIDTH LATIN SMALL LETTER A}@example.com", PASSWORD),
        ("x" * 5000, PASSWORD),
    ],
)
def test_refuses_all_others_with_the_same_text(
    administrator: User, regular: User, inactive: User, email: str, password: str
) -> None:
    AdministratorFactory(email="off@example.com", active=False)
    browser = Client()

    answer = log_in(browser, email, password)

    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors() == [REFUSED]
    assert settings.SESSION_COOKIE_NAME not in browser.cookies
    assert not Session.objects.exists()


def test_refuses_an_administrator_deactivated_while_logging_in(
    administrator: User, settings: pytest.FixtureRequest
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.{DeactivatingHasher.__name__}"]  # type: ignore[attr-defined] # pytest-django's fixture
    browser = Client()

    answer = log_in(browser, administrator.email)

    assert answer.context["form"].non_field_errors() == [REFUSED]
    assert not is_in(browser)
    assert not Session.objects.exists()


class DeactivatingHasher(Argon2idHasher):
    """Takes so long that a colleague deactivates everybody meanwhile."""

    @override
    def verify(self, password: str, encoded: str) -> bool:
        User.objects.update(active=False)
        return super().verify(password, encoded)


def test_caps_the_password_before_hashing(administrator: User) -> None:
    answer = log_in(Client(), administrator.email, "x" * 1025)

    assert list(answer.context["form"].errors) == ["password"]
    assert not Session.objects.exists()


def test_opens_a_session(administrator: User) -> None:
    browser = Client(headers={"User-Agent": "Lynx"})

    log_in(browser, administrator.email)

    session = Session.objects.get()
    assert (session.user, session.user_agent, session.address) == (
        administrator,
        "Lynx",
        "127.0.0.1",
    )
    lifetime = session.expires_at - session.refreshed_at
    assert lifetime == timedelta(seconds=settings.SESSION_COOKIE_AGE)
    assert as_row(administrator)["last_login_at"] == session.refreshed_at


def test_keeps_a_stronger_digest_of_a_weak_one(administrator: User) -> None:
    User.objects.update(password=weak_digest())

    browser = enter(administrator)

    assert "m=19456,t=2," in as_row(administrator)["password"]
    assert is_in(browser)


def weak_digest() -> str:
    hasher = Argon2idHasher()
    hasher.time_cost = 1
    return hasher.encode(PASSWORD, "s" * 22)


def test_sets_a_cookie_that_scripts_and_other_sites_cannot_use(administrator: User) -> None:
    cookie = log_in(Client(), administrator.email).cookies[settings.SESSION_COOKIE_NAME]

    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert cookie["path"] == "/admin/"
    assert administrator.password not in cookie.value


def test_gives_another_cookie_than_before_the_login(administrator: User) -> None:
    browser = enter(administrator)
    before = browser.cookies[settings.SESSION_COOKIE_NAME].value

    log_in(browser, administrator.email)

    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert Session.objects.count() == 1
    browser.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_in(browser)


def test_refuses_forms_without_the_csrf_token(administrator: User) -> None:
    browser = Client(enforce_csrf_checks=True)

    answer = log_in(browser, administrator.email)

    assert answer.status_code == 403
    assert not Session.objects.exists()


def test_takes_forms_with_the_csrf_token(administrator: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    token = browser.get("/admin/login/").context["csrf_token"]
    body = {"username": administrator.email, "password": PASSWORD}

    answer = browser.post("/admin/login/", {**body, "csrfmiddlewaretoken": str(token)})

    assert answer.status_code == 302
    assert browser.cookies["csrftoken"]["secure"] is True
    assert browser.post("/admin/logout/").status_code == 403
    assert is_in(browser)


@pytest.mark.parametrize(
    ("following", "target"),
    [
        ("/admin/users/user/", "/admin/users/user/"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example/", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
    ],
)
def test_leads_to_pages_of_its_own_alone(administrator: User, following: str, target: str) -> None:
    body = {"username": administrator.email, "password": PASSWORD, "next": following}

    assert Client().post("/admin/login/", body)["Location"] == target


def test_leads_whoever_is_in_to_the_index(administrator: User) -> None:
    answer = enter(administrator).get("/admin/login/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_log_out_ends_the_session(administrator: User) -> None:
    browser = enter(administrator)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value

    answer = browser.post("/admin/logout/")

    assert answer.status_code == 200
    assert not Session.objects.exists()
    browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert not is_in(browser)


def test_log_out_by_a_link_does_nothing(administrator: User) -> None:
    browser = enter(administrator)

    assert browser.get("/admin/logout/").status_code == 405
    assert is_in(browser)


def test_log_out_ends_no_other_login(administrator: User, login: Login) -> None:
    api, other, browser = login(administrator), enter(administrator), enter(administrator)

    browser.post("/admin/logout/")

    assert api.get("/users/current").status_code == 200
    assert is_in(other)
    assert not is_in(browser)


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"client_id": "acme"},
        {"password": "a new and long password"},
    ],
)
def test_change_by_a_colleague_ends_the_login(
    administrator: User, regular: User, login: Login, change: dict[str, object]
) -> None:
    colleague = login(AdministratorFactory())
    browser = enter(administrator)
    path = f"/users/{administrator.pk}"
    wanted = {**change, "client_id": regular.client_id} if "client_id" in change else change

    assert colleague.put(path, wanted).status_code == 200

    assert browser.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert colleague.put(path, {"active": True, "client_id": None}).status_code == 200
    assert not is_in(browser)


def test_own_password_change_through_the_api_ends_the_login(
    administrator: User, login: Login
) -> None:
    browser, api = enter(administrator), login(administrator)
    body = {"password": "a new and long password", "current_password": PASSWORD}

    assert api.put(f"/users/{administrator.pk}", body).status_code == 200

    assert not is_in(browser)


def test_ends_with_its_row_whatever_the_cookie_says(administrator: User) -> None:
    browser = enter(administrator)

    Session.objects.all().delete()

    assert not is_in(browser)
    assert "not authorized" not in browser.get("/admin/login/").content.decode()


def test_takes_no_other_users_session(administrator: User) -> None:
    browser = enter(administrator)

    Session.objects.update(user=AdministratorFactory())

    assert not is_in(browser)


@pytest.mark.parametrize(("seconds", "lasts"), [(-1, True), (0, False)])
def test_lasts_as_long_as_its_row(administrator: User, seconds: int, lasts: bool) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser = enter(administrator)
        clock.shift(settings.SESSION_COOKIE_AGE + seconds)

        assert is_in(browser) is lasts


def test_ends_where_the_digest_was_replaced_by_other_means(administrator: User) -> None:
    browser = enter(administrator)

    User.objects.update(password=make_password(PASSWORD))

    assert not is_in(browser)


def test_ended_by_a_colleague_in_the_list_of_sessions(administrator: User) -> None:
    browser, colleague = enter(administrator), enter(AdministratorFactory())

    act(colleague, "/admin/users/session/", "end", Session.objects.get(user=administrator))

    assert not is_in(browser)
    assert is_in(colleague)


def test_admin_login_is_no_access_token(administrator: User) -> None:
    browser = enter(administrator)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value

    assert browser.get("/users/current").status_code == 401
    bearer = {"Authorization": f"Bearer {cookie}"}
    assert browser.get("/users/current", headers=bearer).status_code == 401
