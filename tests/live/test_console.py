"""What operators do, in a browser: ten journeys, each light, dark and on a phone."""

import csv
import io
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located as presence_of,
    text_to_be_present_in_element as text_in,
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
from tests.live.conftest import BASE_DIR, PASSWORD, ROOT, Answer, Service

pytestmark = pytest.mark.xdist_group("live")

LOOKS = {"light": ("light", DESK), "dark": ("dark", DESK), "phone": ("light", PHONE)}
FETCH = """
const [path, done] = arguments;
fetch(path).then(async (answer) => done([answer.status, await answer.text()]));
"""
USERS = "/admin/users/user/"
ANOTHER = "an entirely new sentence"


class Desk:
    """An operator at a browser, and what they see of the pages they go through."""

    def __init__(self, driver: webdriver.Chrome, service: Service) -> None:
        self.driver = driver
        self.service = service
        self.root = service.log_in()["access"]
        self.faults: list[str] = []

    def look(self) -> None:
        """Note what is wrong with the page as it is."""
        where = self.driver.current_url
        if is_too_wide(self.driver):
            self.faults.append(f"{where} is wider than the window")

    def open(self, path: str) -> None:
        self.driver.get(f"{self.service.origin}{path}")
        self.look()

    def find(self, selector: str) -> WebElement:
        """Return what the selector finds, as soon as it is there."""
        return WebDriverWait(self.driver, 30).until(presence_of((By.CSS_SELECTOR, selector)))

    def press(self, selector: str) -> None:
        """Press a button or link that leads to another page, and look at that."""
        submit(self.driver, selector)
        self.look()

    def type(self, **fields: str) -> None:
        for name, text in fields.items():
            field = self.find(f"[name={name}]")
            field.clear()
            field.send_keys(text)

    def text(self, selector: str = "#content") -> str:
        return self.find(selector).text

    def told(self) -> str:
        return self.text(".messagelist")

    def fetch(self, path: str) -> str:
        """Return the file at this path, asked for by the page itself with its cookie."""
        status, text = self.driver.execute_async_script(FETCH, path)
        assert status == 200
        return str(text)

    def wait_for(self, selector: str, text: str) -> None:
        """Wait until the page says so by itself."""
        WebDriverWait(self.driver, 60).until(text_in((By.CSS_SELECTOR, selector), text))
        self.look()

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        return self.service.call(method, path, body, token=self.root)

    def make_client(self) -> dict[str, Any]:
        name = f"Client {secrets.token_hex(6)}"
        return dict(self.call("POST", "/clients", {"name": name}).json)

    def make_user(self, **fields: Any) -> dict[str, Any]:
        client = self.make_client()["id"]
        name = f"Ursula {secrets.token_hex(6)}"
        body = {"name": name, "email": email_of(name), "client_id": client, "password": PASSWORD}
        answer = self.call("POST", "/users", body | fields)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    def users_named(self, name: str) -> list[dict[str, Any]]:
        word = name.rsplit(maxsplit=1)[-1]
        answer = self.call("GET", f"/users?search={word}&include=status,active")
        return list(answer.json["results"])


def email_of(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.com"


def page_of(user: dict[str, Any]) -> str:
    return f"{USERS}{user['id']}/change/"


@pytest.fixture(scope="module", params=BROWSERS)
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("desk")) as driver:
        driver.set_script_timeout(60)
        yield driver


@pytest.fixture(scope="module")
def worker(collected: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run the worker beside; return the file into which it prints the mails."""
    log = tmp_path_factory.mktemp("worker") / "log"
    with log.open("wb") as stream:
        command = [sys.executable, "manage.py", "work"]
        process = subprocess.Popen(
            command, env=collected, cwd=BASE_DIR, stdout=stream, stderr=subprocess.STDOUT
        )
    yield log
    process.terminate()
    process.wait(timeout=40)
    assert "Traceback" not in log.read_text()


@pytest.fixture(params=LOOKS)
def outside(
    request: pytest.FixtureRequest, driver: webdriver.Chrome, console: Service
) -> Iterator[Desk]:
    """Return the desk of somebody who is not logged in; nothing must be wrong in the end."""
    show_as(driver, *LOOKS[request.param])
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    complaints(driver)
    requests(driver)
    desk = Desk(driver, console)
    yield desk
    asked = {url for url in requests(driver) if not url.startswith(("data:", console.origin))}
    assert (desk.faults, complaints(driver), asked) == ([], [], set())


@pytest.fixture
def desk(outside: Desk) -> Desk:
    log_in(outside.driver, outside.service.origin, ROOT, PASSWORD)
    return outside


def test_logs_in(outside: Desk) -> None:
    outside.open(USERS)
    outside.type(username=ROOT, password="wrong")
    outside.press("#login-form [type=submit]")
    assert "Please enter the correct email and password" in outside.text("[role=alert]")

    outside.type(username=ROOT, password=PASSWORD)
    outside.press("#login-form [type=submit]")

    assert outside.driver.current_url == f"{outside.service.origin}{USERS}"
    assert outside.text("h1") == "Users"


def test_finds_a_person_while_typing(desk: Desk) -> None:
    user, other = desk.make_user(), desk.make_user()
    desk.open(f"{USERS}?o=-1")
    field = desk.find("#searchbar")

    field.send_keys(user["name"])

    WebDriverWait(desk.driver, 30).until(
        lambda driver: (
            user["name"] in desk.text("#changelist")
            and other["name"] not in desk.text("#changelist")
        )
    )
    assert "q=Ursula" in desk.driver.current_url
    assert desk.driver.switch_to.active_element == field
    desk.press("#result_list .field-person a")
    assert desk.text("h1") == user["name"]


def test_adds_a_person(desk: Desk) -> None:
    client = desk.make_client()
    name = f"Ursula {secrets.token_hex(6)}"
    desk.open(USERS)
    desk.press(".object-tools .addlink")
    desk.type(name=name, email=email_of(name), password1=PASSWORD, password2=PASSWORD)
    choose_client(desk, client["name"])

    desk.press("[name=_save]")

    assert email_of(name) in desk.told()
    (made,) = desk.users_named(name)
    assert (made["name"], made["client"]["id"], made["status"]) == (name, client["id"], "active")
    assert desk.service.log_in(email_of(name))


def choose_client(desk: Desk, name: str) -> None:
    found = f"//li[contains(@class, 'select2-results__option')][text()='{name}']"

    def choose(driver: webdriver.Chrome) -> bool:
        driver.find_element(By.XPATH, found).click()
        return True

    desk.find(".field-client .select2-selection").click()
    desk.find(".select2-search__field").send_keys(name)
    # The list may be drawn anew at any moment.
    wait = WebDriverWait(desk.driver, 30, ignored_exceptions=[StaleElementReferenceException])
    wait.until(choose)


def test_invites_a_person(desk: Desk, worker: Path) -> None:
    client = desk.make_client()
    name = f"Ursula {secrets.token_hex(6)}"
    desk.open(f"{USERS}add/")
    desk.type(name=name, email=email_of(name))
    choose_client(desk, client["name"])
    desk.find("[name=invite]").click()
    desk.press("[name=_save]")
    (made,) = desk.users_named(name)

    desk.open(page_of(made))
    assert desk.text(".person-head .badge-invited") == "Invited"
    WebDriverWait(desk.driver, 60).until(lambda _: was_sent(desk))
    assert f"To: {email_of(name)}\n" in worker.read_text()


def was_sent(desk: Desk) -> bool:
    """Look again whether the latest mail to the user of this page was sent."""
    desk.driver.refresh()
    return (
        re.search(r"Invitation\s+\S+@example\.com\s+Sent", desk.text(".person-mails")) is not None
    )


def test_deactivates_a_person(desk: Desk) -> None:
    user = desk.make_user()
    tokens = [desk.service.log_in(user["email"])["access"] for _ in range(2)]
    desk.open(page_of(user))

    desk.press(f"a[href='{USERS}{user['id']}/acts/deactivate/']")
    assert "2 sessions end at once." in desk.text(".question")
    assert f"{user['name']} ({user['email']}) can no longer log in." in desk.text(".question")
    assert desk.users_named(user["name"])[0]["active"]
    desk.press(".submit-row [type=submit]")

    assert "Sessions ended: 2." in desk.told()
    assert desk.text(".person-head .badge-inactive") == "Inactive"
    statuses = [desk.service.call("GET", "/users/current", token=t).status for t in tokens]
    assert statuses == [401, 401]


def test_ends_a_session(desk: Desk) -> None:
    user = desk.make_user()
    first = desk.service.log_in(user["email"])["access"]
    second = desk.service.log_in(user["email"])["access"]
    desk.open(page_of(user))
    assert desk.text(".facts a[href='#sessions']") == "2"

    desk.press(".person-sessions tbody tr:first-child [type=submit]")

    assert "Sessions ended: 1." in desk.told()
    assert desk.text(".facts a[href='#sessions']") == "1"
    assert desk.service.call("GET", "/users/current", token=first).status == 200
    assert desk.service.call("GET", "/users/current", token=second).status == 401


def test_sets_a_password(desk: Desk) -> None:
    user = desk.make_user()
    desk.open(page_of(user))
    desk.press(f"a[href='{USERS}{user['id']}/password/']")
    desk.type(password1=ANOTHER, password2=ANOTHER)

    desk.press(".submit-row [type=submit]")

    assert "Password changed." in desk.told()
    assert desk.service.log_in(user["email"], ANOTHER)
    old = {"email": user["email"], "password": PASSWORD}
    assert desk.service.call("POST", "/auth/login", old).status == 401


@pytest.mark.usefixtures("worker")
def test_imports_all_but_a_bad_row(desk: Desk, tmp_path: Path) -> None:
    client, good = desk.make_client()["name"], f"Ursula {secrets.token_hex(6)}"
    bad = f"Bad {secrets.token_hex(6)}"
    file = tmp_path / "people.csv"
    rows = [f"{email_of(good)},{good},{client}", f"no address,{bad},{client}"]
    file.write_text("\n".join(["email,name,client", *rows]))
    desk.open("/admin/users/import/add/")
    desk.find("[name=file]").send_keys(str(file))
    desk.press("form [type=submit].default")
    desk.wait_for("[role=status]", "Rehearsed, nothing written.")
    assert desk.text(".imports tbody tr") == "3 email Enter a valid email address."
    assert (desk.users_named(good), desk.users_named(bad)) == ([], [])

    assert desk.text(".choices [value=skip]") == "Write the 1 good row, leave out 1"
    desk.press(".choices [value=skip]")

    desk.wait_for("[role=status]", "Done.")
    assert [user["email"] for user in desk.users_named(good)] == [email_of(good)]
    assert desk.users_named(bad) == []
    report = str(desk.find("a[href$='/report/']").get_attribute("href"))
    outcomes = [row["outcome"] for row in csv.DictReader(io.StringIO(desk.fetch(report)))]
    assert outcomes == ["new", "refused"]


def test_exports_what_the_list_shows(desk: Desk) -> None:
    user, _ = desk.make_user(), desk.make_user()
    desk.make_user(client_id=user["client"]["id"], active=False)
    desk.open(f"{USERS}?client={user['client']['id']}&status=active")

    link = desk.find(".object-tools a[href*='export.csv']").get_attribute("href")

    exported = desk.fetch(str(link))
    rows = list(csv.DictReader(io.StringIO(exported.lstrip("\ufeff"))))
    assert [(row["email"], row["status"]) for row in rows] == [(user["email"], "active")]
    assert PASSWORD not in exported


def test_reads_what_was_done_in_the_time_line(desk: Desk) -> None:
    user = desk.make_user()
    desk.service.log_in(user["email"])
    desk.open(page_of(user))
    desk.press(".person-sessions tbody tr:first-child [type=submit]")
    desk.type(name="Renamed Person")
    desk.press("[name=_continue]")
    desk.press(f"a[href='{USERS}{user['id']}/acts/deactivate/']")
    desk.press(".submit-row [type=submit]")

    lines = [line.text for line in desk.driver.find_elements(By.CSS_SELECTOR, ".timeline li")]

    first_words = [line.splitlines()[1].partition(" by ")[0] for line in lines]
    assert first_words == ["User updated", "User updated", "Session ended", "Login", "User created"]
    assert f'name: "{user["name"]}" → "Renamed Person"' in lines[1]
    assert "active: true → false" in lines[0]
    assert all(f"by {ROOT}" in line for line in (*lines[:3], lines[4]))
    assert "through the operators' site" in lines[2]
    assert "through the API" in lines[4]
