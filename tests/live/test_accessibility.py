"""Every page in a browser: nothing that axe-core faults, nothing loaded from elsewhere."""

import importlib.resources
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urldefrag, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located as presence_of,
)
from selenium.webdriver.support.wait import WebDriverWait

from tests.live.browser import (
    BROWSERS,
    DESK,
    PHONE,
    chromium,
    complaints,
    is_too_wide,
    log_in,
    requests,
    show_as,
    submit,
)
from tests.live.conftest import PASSWORD, ROOT, Service

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RUN = """
const [tags, done] = arguments;
const options = {runOnly: tags, resultTypes: ['violations'], preload: false};
const why = (node) => node.any.concat(node.all, node.none).map((check) => check.message);
axe.run(document, options).then((found) => done(found.violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id} ${node.target} ${why(node)}`))));
"""
# What light or dark and the width make a difference to; the rest is looked at once a page.
OF_THE_LOOK = ("color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable")
MODES = (("light", DESK), ("dark", DESK), ("light", PHONE))
ONE_MODE = (("dark", PHONE),)  # for pages that differ from one looked at in their query alone


class Eyes:
    """A browser that notes what is wrong with the pages that it is shown."""

    def __init__(self, driver: webdriver.Chrome, service: Service, token: str) -> None:
        self.driver = driver
        self.service = service
        self.token = token
        self.seen: list[str] = []
        self.faults: list[str] = []
        driver.set_script_timeout(60)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": AXE})
        show_as(driver, *MODES[0])

    def open(self, path: str) -> bool:
        """Go to the path, and say whether that led to a page: a file leads nowhere."""
        self.driver.get(f"{self.service.origin}{path}")
        return self.driver.current_url != "data:,"

    def look(self, what: str, modes: tuple[tuple[str, tuple[int, int]], ...] = MODES) -> None:
        """Look at the page as it is now, in each of the modes."""
        self.seen.append(what)
        for scheme, size in modes:
            show_as(self.driver, scheme, size)
            wanted = TAGS if (scheme, size) == modes[0] else OF_THE_LOOK
            found = self.driver.execute_async_script(RUN, wanted)
            if is_too_wide(self.driver):
                found.append("wider than the window")
            self.faults += [f"{what} {scheme} {size[0]}: {fault}" for fault in found]
        show_as(self.driver, *MODES[0])
        self.faults += [f"{what}: {said}" for said in complaints(self.driver, but_statuses="4..")]
        asked = [url for url in requests(self.driver) if not url.startswith(self.service.origin)]
        self.faults += [f"{what}: asks for {url}" for url in asked if not url.startswith("data:")]

    def visit(self, *paths: str) -> None:
        for path in paths:
            assert self.open(path)
            self.look(path)

    def find(self, selector: str) -> Any:
        condition = presence_of((By.CSS_SELECTOR, selector))
        return WebDriverWait(self.driver, 20).until(condition)

    def links(self) -> list[str]:
        """Return the addresses within the operators' site that this page leads to."""
        script = (  # in a drawing, `href` of a link is no text
            "return [...document.querySelectorAll('a[href]')]"
            ".map((link) => new URL(link.getAttribute('href'), document.baseURI).href)"
        )
        found = [urldefrag(url)[0] for url in self.driver.execute_script(script)]
        start = f"{self.service.origin}/admin/"
        return [url.removeprefix(self.service.origin) for url in found if url.startswith(start)]

    def crawl(self, start: str) -> None:
        """Look at every page that links lead to; of those that differ in numbers, at one."""
        waiting, kinds = [start], set()
        while waiting:
            path = waiting.pop(0)
            parts = urlsplit(path)
            kind = (re.sub(r"\d+", "N", parts.path), frozenset(parse_qs(parts.query)))
            if kind in kinds or len(kind[1]) > 1:
                continue
            kinds.add(kind)
            if self.open(path):
                self.look(path, ONE_MODE if parts.query else MODES)
                waiting += self.links()


@pytest.fixture(scope="module", params=BROWSERS)
def eyes(console: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Eyes]:
    token = console.log_in()["access"]
    client = console.create_client(token)
    console.create_user(token, client_id=client)
    name = "Maximiliane <b>Wolfeschlegelsteinhausenbergerdorff</b>-" + "w" * 60
    body = {"name": name, "email": f"{'m' * 60}@example.com", "client_id": client, "invite": True}
    assert console.call("POST", "/users", body, token=token).status == 201
    with chromium(tmp_path_factory.mktemp("eyes")) as driver:
        yield Eyes(driver, console, token)


@pytest.fixture
def outside(eyes: Eyes) -> Iterator[Eyes]:
    """Return the eyes of somebody who is not logged in."""
    eyes.driver.delete_all_cookies()
    requests(eyes.driver)  # those of the browser's own first page
    eyes.faults.clear()
    yield eyes
    assert not eyes.faults, "\n".join(eyes.faults)


@pytest.fixture
def inside(outside: Eyes) -> Eyes:
    """Return the eyes of an administrator."""
    show_as(outside.driver, *MODES[0])
    log_in(outside.driver, outside.service.origin, ROOT, PASSWORD)
    return outside


def test_pages_that_everybody_sees(outside: Eyes) -> None:
    outside.visit("/", "/password/forgotten", "/password/forgotten/heard", "/password/set")
    outside.visit("/invitation/1:x", "/password/reset/1:x", "/admin/login/")
    outside.open("/password/forgotten")
    submit(outside.driver)
    outside.look("forgotten, refused")
    log_in(outside.driver, outside.service.origin, ROOT, "wrong")
    outside.look("log-in, refused")


def test_documentation_loads_its_own_files_alone(outside: Eyes) -> None:
    outside.open("/docs")
    outside.find(".opblock")
    outside.look("/docs", ())  # the page is Swagger UI's, and so are its colours


def test_all_pages_that_links_lead_to(inside: Eyes) -> None:
    inside.crawl("/admin/")

    kinds = {re.sub(r"\d+", "N", path) for path in inside.seen}
    assert kinds >= {
        "/admin/",
        "/admin/password_change/",
        "/admin/users/user/",
        "/admin/users/user/add/",
        "/admin/users/user/N/change/",
        "/admin/users/user/N/password/",
        "/admin/users/session/",
        "/admin/users/session/N/change/",
        "/admin/users/mail/N/change/",
        "/admin/clients/client/N/change/",
        "/admin/audit/auditevent/N/change/",
    }


def test_lists_that_are_used(inside: Eyes) -> None:
    users = "/admin/users/user/"
    inside.visit(f"{users}?q=nobody+at+all", f"{users}?role=regular&o=2.-1")
    inside.open(users)
    inside.find("details.filter > summary").click()
    inside.look("an open filter")
    inside.find("#action-toggle").click()
    inside.look("chosen rows")
    show_as(inside.driver, "light", PHONE)
    inside.find("#menu-button").click()
    inside.look("an open menu", (("light", PHONE), ("dark", PHONE)))


def test_forms_that_are_used(inside: Eyes) -> None:
    inside.visit("/admin/clients/client/add/?_popup=1")
    inside.open("/admin/users/user/add/")
    inside.find("#id_email").send_keys("no address")
    submit(inside.driver, "[name=_save]")
    inside.look("a user, refused")
    inside.find(".select2-selection").click()
    inside.find(".select2-results__option[aria-selected]")
    inside.look("an open list of clients")
    inside.open("/admin/password_change/")
    inside.find("#id_old_password").send_keys("wrong")
    inside.find("#id_new_password1").send_keys("short")
    inside.find("#id_new_password2").send_keys("other")
    submit(inside.driver, ".submit-row [type=submit]")
    inside.look("own password, refused")


def test_menu_and_filters_by_keyboard_alone(inside: Eyes) -> None:
    def press(*keys: str) -> str:
        """Press the keys and return what has the focus then: its id, or its text."""
        ActionChains(inside.driver).send_keys(*keys).perform()
        focused = inside.driver.switch_to.active_element
        return str(focused.get_attribute("id") or focused.text)

    show_as(inside.driver, "light", PHONE)
    inside.open("/admin/users/user/")
    assert press(Keys.TAB) == "Skip to main content"
    assert [press(Keys.TAB), press(Keys.TAB)] == ["brand", "menu-button"]
    assert press(Keys.ENTER, Keys.TAB) == "Overview"
    assert inside.find("#menu-button").get_attribute("aria-expanded") == "true"
    assert press(Keys.ESCAPE) == "menu-button"
    assert not inside.find("#menu").is_displayed()

    role = "document.querySelector('#changelist-filter details:nth-of-type(2) > summary')"
    inside.driver.execute_script(f"{role}.focus()")
    press(Keys.ENTER)
    assert inside.find("details.filter[open]")
    assert press(Keys.TAB) == "All"
    assert press(Keys.ESCAPE).startswith("Role")
    assert not inside.driver.find_elements(By.CSS_SELECTOR, "details.filter[open]")


def test_chooses_light_or_dark_against_the_system(inside: Eyes) -> None:
    """And keeps to it on the next page."""
    inside.open("/admin/")
    ground = inside.find("body").value_of_css_property("background-color")

    inside.find("#user-tools .theme-toggle").click()
    inside.open("/admin/users/user/")

    assert inside.find("html").get_attribute("data-theme") == "dark"
    assert inside.find("body").value_of_css_property("background-color") != ground
    inside.look("dark by choice", (("light", DESK),))
    inside.driver.execute_script("localStorage.clear()")


def test_pages_at_the_end_of_the_way(inside: Eyes) -> None:
    inside.visit("/admin/nothing/", "/admin/users/user/x/change/", "/admin/password_change/done/")
    inside.open("/admin/")
    submit(inside.driver, "#logout-form [type=submit]")
    inside.look("logged out")
