"""From an invitation to a reset, as people do it: a mailbox, a browser, an API."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.live.browser import BROWSERS, PHONE, chromium, complaints, show_as, submit
from tests.live.conftest import BASE_DIR, PASSWORD, Service, serving
from tests.mails import free_port
from tests.users.mail.conftest import Mailboxes

CHOSEN = "nanoseconds of wire"
LATER = "an entirely new sentence"


@pytest.fixture
def mailboxes() -> Iterator[tuple[Mailboxes, int]]:
    kept, port = Mailboxes(), free_port()
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    yield kept, port
    server.stop()


class Mailed:
    """A service with a mail server, and its worker when it is told to run."""

    def __init__(self, service: Service, mailboxes: Mailboxes, environment: dict[str, str]) -> None:
        self.service = service
        self.mailboxes = mailboxes
        self.environment = environment

    def next_link(self, recipient: str) -> str:
        """Run the worker once and return the link in the one mail that came to the recipient."""
        self.mailboxes.messages.clear()
        command = [sys.executable, "manage.py", "send_mails", "--once"]
        subprocess.run(command, env=self.environment, cwd=BASE_DIR, check=True, capture_output=True)
        ours = [message for message in self.mailboxes.messages if message["To"] == recipient]
        pages: list[Any] = [message.get_body(("html",)) for message in ours]
        pattern = r'href="([^"]+/(?:invitation|password/reset)/[^"]+)"'
        links = {link for page in pages for link in re.findall(pattern, page.get_content())}
        (link,) = links
        return str(link)


@pytest.fixture
def mailed(
    collected: dict[str, str], mailboxes: tuple[Mailboxes, int], tmp_path: Path
) -> Iterator[Mailed]:
    kept, mail_port = mailboxes
    port = free_port()
    ours = collected | {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
    }
    with serving(ours, tmp_path / "log", port=port) as running:
        yield Mailed(running, kept, ours)


@pytest.fixture(params=BROWSERS)
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Lend a browser that runs no script: there is none on these pages, and none is needed."""
    with chromium(tmp_path / "profile", scripts=False) as driver:
        yield driver
        assert complaints(driver) == []


def heading(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "h1").text


def choose(browser: webdriver.Chrome, password: str, again: str = "") -> None:
    for label, typed in (("Password", password), ("Password confirmation", again or password)):
        target = browser.find_element(By.XPATH, f"//label[text()='{label}']").get_attribute("for")
        browser.find_element(By.ID, str(target)).send_keys(typed)
    submit(browser)


def is_alive(service: Service, token: str) -> bool:
    status = service.call("GET", "/users/current", token=token).status
    assert status in (200, 401)
    return status == 200


def test_from_invitation_to_reset(mailed: Mailed, browser: webdriver.Chrome) -> None:
    service = mailed.service
    root = service.log_in()["access"]
    client_id = service.create_client(root)
    email = f"grace.{client_id}@example.com"
    body = {"name": "Grace Hopper", "email": email, "client_id": client_id, "invite": True}
    assert service.call("POST", "/users", body, token=root).status == 201

    # Invited: a mistake first, then a password.
    browser.get(mailed.next_link(email))
    assert heading(browser) == "Choose your password"
    choose(browser, CHOSEN, "something else")
    alert = browser.find_element(By.CSS_SELECTOR, "[role=alert]")
    assert alert.is_displayed()
    choose(browser, CHOSEN)
    assert heading(browser) == "Your password is set"
    devices = [service.log_in(email, CHOSEN)["access"] for _ in range(2)]

    # Forgotten.
    browser.get(f"http://127.0.0.1:{service.port}/password/forgotten")
    browser.find_element(By.NAME, "email").send_keys(email.upper())
    submit(browser)
    assert heading(browser) == "Look into your mailbox"
    link = mailed.next_link(email)
    browser.get(link)
    assert heading(browser) == "Set a new password"
    assert all(is_alive(service, device) for device in devices)
    choose(browser, LATER)
    assert heading(browser) == "Your password is set"

    # The sessions of before are dead, so is the link, and so is the old password.
    assert not any(is_alive(service, device) for device in devices)
    browser.get(link)
    assert heading(browser) == "This link has expired"
    old = service.call("POST", "/auth/login", {"email": email, "password": CHOSEN})
    assert old.status == 401
    assert is_alive(service, service.log_in(email, LATER)["access"])
    assert is_alive(service, root)
    assert CHOSEN not in service.log.read_text()
    assert link.rpartition(":")[2] not in service.log.read_text()


def test_the_pages_are_readable_on_a_phone_and_in_the_dark(
    mailed: Mailed, browser: webdriver.Chrome
) -> None:
    show_as(browser, "dark", PHONE)
    browser.get(f"http://127.0.0.1:{mailed.service.port}/password/forgotten")

    main = browser.find_element(By.TAG_NAME, "main")
    field = browser.find_element(By.NAME, "email")
    width = browser.find_element(By.TAG_NAME, "html").size["width"]
    assert main.value_of_css_property("background-color") == "rgba(21, 27, 35, 1)"
    assert field.size["width"] > 200
    assert main.location["x"] + main.size["width"] <= width


def test_a_password_of_root_is_never_mailed(mailed: Mailed) -> None:
    body = {"email": "root@example.com"}
    assert mailed.service.call("POST", "/auth/password/forgotten", body).status == 202

    mailed.next_link("root@example.com")

    assert not any(PASSWORD in str(message) for message in mailed.mailboxes.messages)
