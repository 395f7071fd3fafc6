"""The pages behind mailed links: they work without scripts and cookies, and leak nothing."""

import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.staticfiles import finders
from django.test import Client as Browser

from clients.models import Client
from tests.admin_site import enter, is_in
from tests.factories import PASSWORD, InvitedFactory, as_row
from tests.mails import delivered, token_in, waiting
from users.links import INVITATION, PASSWORD_RESET, Link
from users.models import Mail, User

CHOSEN = "an entirely new sentence"
FORM = {"password1": CHOSEN, "password2": CHOSEN}
DEAD = "1:1wA5Qe:" + "a" * 43


@pytest.fixture
def browser() -> Browser:
    """A browser that would be refused a form of others' making."""
    return Browser(enforce_csrf_checks=True)


@pytest.fixture
def invited(acme: Client) -> User:
    return InvitedFactory(email="ivy@example.com", client=acme)


def page_of(link: Link, user: User) -> str:
    return f"{link.path}/{link.token(user)}"


def log_in(user: User, password: str) -> int:
    body = {"email": user.email, "password": password}
    return Browser().post("/auth/login", body, content_type="application/json").status_code


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


# Setting a password


@pytest.mark.parametrize(("link", "title"), [(INVITATION, "Choose your password"),
                                             (PASSWORD_RESET, "Set a new password")])  # fmt: skip
def test_a_link_leads_to_a_form_that_sets_the_password(
    browser: Browser, invited: User, regular: User, link: Link, title: str
) -> None:
    user = invited if link is INVITATION else regular
    path = page_of(link, user)

    page = browser.get(path)
    answer = browser.post(path, FORM, follow=True)

    assert page.status_code == 200
    assert f"<h1>{title}</h1>" in text_of(page)
    assert user.email in text_of(page)
    assert answer.redirect_chain == [("/password/set", 302)]
    assert "<h1>Your password is set</h1>" in text_of(answer)
    assert log_in(user, CHOSEN) == 200


def test_a_look_at_the_page_spends_nothing(browser: Browser, invited: User) -> None:
    """Mail filters follow links."""
    path, before = page_of(INVITATION, invited), as_row(invited)

    for _ in range(3):
        assert browser.get(path).status_code == 200
        assert browser.head(path).status_code == 200

    assert as_row(invited) == before
    assert browser.post(path, FORM).status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("link", "way_on"), [(INVITATION, "Ask whoever invited you"),
                                              (PASSWORD_RESET, "Ask for a new link")])  # fmt: skip
def test_a_dead_link_says_so_and_what_to_do(
    browser: Browser, db: None, method: str, link: Link, way_on: str
) -> None:
    answer = getattr(browser, method)(f"{link.path}/{DEAD}", FORM if method == "post" else {})

    assert answer.status_code == 410
    assert "<h1>This link has expired</h1>" in text_of(answer)
    assert way_on in text_of(answer)


def test_a_link_is_dead_once_used(browser: Browser, invited: User) -> None:
    path = page_of(INVITATION, invited)
    browser.post(path, FORM)
    before = as_row(invited)

    assert browser.post(path, {"password1": "x", "password2": "x"}).status_code == 410
    assert as_row(invited) == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"password1": "short", "password2": "short"}, "Use at least 12 characters."),
        ({"password1": CHOSEN, "password2": "another"}, "match."),
        ({"password1": "ivy@example.com", "password2": "ivy@example.com"}, "too similar"),
        ({}, "This field is required."),
        ({"password1": "\0" * 12, "password2": "\0" * 12}, "Null characters"),
        ({"password1": "a" * 1025, "password2": "a" * 1025}, "at most 1024"),
    ],
    ids=["short", "differ", "similar", "empty", "nul", "long"],
)
def test_a_bad_password_is_told_and_nothing_changes(
    browser: Browser, invited: User, typed: dict[str, str], said: str
) -> None:
    path, before = page_of(INVITATION, invited), as_row(invited)

    answer = browser.post(path, typed)

    assert answer.status_code == 400
    assert said in text_of(answer)
    assert 'role="alert"' in text_of(answer)
    assert 'aria-invalid="true"' in text_of(answer)
    assert not typed.get("password1") or typed["password1"] not in text_of(answer).replace(
        invited.email, ""
    )
    assert as_row(invited) == before


def test_a_reset_ends_an_operators_log_in(browser: Browser, administrator: User) -> None:
    operator = enter(administrator)

    browser.post(page_of(PASSWORD_RESET, administrator), FORM)

    assert not is_in(operator)
    assert log_in(administrator, PASSWORD) == 401


def test_passwords_are_typed_unseen_and_may_come_from_a_password_manager(
    browser: Browser, administrator: User, invited: User
) -> None:
    inside = enter(administrator)
    pages = {
        "/admin/login/": (browser, ["current-password"]),
        page_of(INVITATION, invited): (browser, ["new-password"] * 2),
        page_of(PASSWORD_RESET, administrator): (browser, ["new-password"] * 2),
        "/admin/password_change/": (inside, ["current-password", *["new-password"] * 2]),
    }
    for path, (reader, meant) in pages.items():
        page = reader.get(path).content.decode()

        fields = re.findall(r"<input(?![^>]*submit)[^>]*password[^>]*>", page)
        assert [re.findall(r'autocomplete="([^"]+)"', field) for field in fields] == [
            [word] for word in meant
        ], path
        assert all('type="password"' in field for field in fields)
        assert "onpaste" not in page


# Asking for a link


def test_a_link_can_be_asked_for(browser: Browser, regular: User) -> None:
    assert browser.get("/password/forgotten").status_code == 200

    answer = browser.post("/password/forgotten", {"email": " RITA@example.com"}, follow=True)

    assert answer.redirect_chain == [("/password/forgotten/heard", 302)]
    assert "<h1>Look into your mailbox</h1>" in text_of(answer)
    (message,) = delivered()
    assert browser.get(f"/password/reset/{token_in(message)}").status_code == 200


def test_asking_tells_nothing(browser: Browser, regular: User, inactive: User) -> None:
    answers = [
        browser.post("/password/forgotten", {"email": email}, headers={"X-Request-ID": "r"})
        for email in (regular.email, inactive.email, "nobody@example.com")
    ]

    seen = {(a.status_code, a.content, str(sorted(a.headers.items()))) for a in answers}
    assert len(seen) == 1
    assert Mail.objects.count() == 3


@pytest.mark.parametrize("email", ["", "rita", "rita@example.com\nBcc: x@example.com"], ids=repr)
def test_what_is_no_address_is_told(browser: Browser, db: None, email: str) -> None:
    answer = browser.post("/password/forgotten", {"email": email})

    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert waiting() == []


def test_the_operators_log_in_page_links_to_it(browser: Browser, db: None) -> None:
    assert 'href="/admin/password_reset/"' in text_of(browser.get("/admin/login/"))
    assert browser.get("/admin/password_reset/")["Location"] == "/password/forgotten"


# Manners


def paths(user: User) -> list[str]:
    return [
        page_of(PASSWORD_RESET, user),
        f"/password/reset/{DEAD}",
        f"/invitation/{DEAD}",
        "/password/forgotten",
        "/password/forgotten/heard",
        "/password/set",
    ]


def test_pages_load_nothing_from_elsewhere_and_run_nothing(browser: Browser, regular: User) -> None:
    for path in paths(regular):
        answer = browser.get(path)
        page = answer.content.decode()

        assert "<script" not in page
        assert not re.search(r' on\w+=|style=|(?:src|href|action)="(?!/)', page), path
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "form-action 'self'" in answer["Content-Security-Policy"]


def test_pages_keep_the_token_to_themselves(browser: Browser, regular: User) -> None:
    for path in paths(regular):
        answer = browser.get(path)

        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert answer.cookies == {}


def test_no_log_line_holds_a_token(
    browser: Browser, regular: User, caplog: pytest.LogCaptureFixture
) -> None:
    path = page_of(PASSWORD_RESET, regular)
    browser.get(path)
    browser.post(path, FORM)
    browser.get(path)

    assert "password/reset/<str:token>" in caplog.text
    assert path.rpartition(":")[2] not in caplog.text
    assert CHOSEN not in caplog.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "FOO"])
def test_other_methods_are_not_allowed(browser: Browser, regular: User, method: str) -> None:
    before = as_row(regular)
    for path in paths(regular)[:4]:
        answer = browser.generic(method, path)

        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")
    assert as_row(regular) == before


def test_who_fails_too_often_is_told_to_wait(
    browser: Browser, regular: User, settings: LazySettings
) -> None:
    settings.ADDRESS_FAILURES_PER_MINUTE = 2
    good, before = page_of(PASSWORD_RESET, regular), as_row(regular)
    for _ in range(2):
        assert browser.post(f"/invitation/{DEAD}", FORM).status_code == 410

    asked = browser.post("/password/forgotten", {"email": regular.email})
    for answer in (browser.post(good, FORM), asked):
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) >= 1
        assert "<h1>Too many attempts</h1>" in text_of(answer)
    assert as_row(regular) == before


def test_looking_at_dead_links_keeps_nobody_from_anything(
    browser: Browser, regular: User, settings: LazySettings
) -> None:
    """Any page that somebody opens can make their browser do so."""
    settings.ADDRESS_FAILURES_PER_MINUTE = 2
    for _ in range(3):
        assert browser.get(f"/invitation/{DEAD}").status_code == 410
    for _ in range(3):
        browser.post(f"/invitation/{DEAD}", FORM)

    assert log_in(regular, PASSWORD) == 200


@pytest.mark.parametrize("path", ["/password/forgotten", f"/invitation/{DEAD}"])
def test_a_form_of_another_site_is_refused(browser: Browser, regular: User, path: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}

    answer = browser.post(path, {"email": regular.email, **FORM}, headers=headers)

    assert answer.status_code == 403
    assert waiting() == []
    assert browser.get(path, headers=headers).status_code in (200, 410)  # links come from anywhere


@pytest.mark.parametrize(
    "token", ["x", "%00", "%ff", "<script>", "'", "..", "a" * 5000, "1:1:" + "%0a" * 43]
)
def test_odd_tokens_are_dead_links(browser: Browser, db: None, token: str) -> None:
    for path in (f"/invitation/{token}", f"/password/reset/{token}"):
        answer = browser.get(path)

        assert answer.status_code in (404, 410)
        assert b"<script" not in answer.content


def test_a_name_is_inert_on_a_page(browser: Browser, regular: User) -> None:
    User.objects.filter(pk=regular.pk).update(email="a'b+<i>@example.com".lower())
    regular.refresh_from_db()

    page = browser.get(page_of(PASSWORD_RESET, regular)).content.decode()

    assert "<i>" not in page
    assert "&lt;i&gt;" in page


def test_the_style_is_there() -> None:
    assert finders.find("roster/pages.css")
