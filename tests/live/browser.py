"""A real browser, and how the tests drive it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

HAS_BROWSER = bool(shutil.which("chromium") and shutil.which("chromedriver"))
BROWSERS = ["chromium"] if HAS_BROWSER else []  # what fixtures are parametrized by
PHONE = (360, 740)
DESK = (1280, 800)


@contextmanager
def chromium(profile: Path, *, scripts: bool = True) -> Iterator[webdriver.Chrome]:
    """Lend a browser; what its console and its network saw is kept for `complaints`, `requests`."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    arguments = ["--headless=new", "--disable-gpu", f"--user-data-dir={profile}"]
    arguments += ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not scripts:
        options.add_experimental_option(
            "prefs", {"profile.managed_default_content_settings.javascript": 2}
        )
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver: webdriver.Chrome, *, but_statuses: str = "400|410") -> list[str]:
    """Return what the console has said since the last call, but for answers of these statuses."""
    expected = re.compile(rf"status of ({but_statuses}) ")
    entries: Any = driver.get_log("browser")  # type: ignore[no-untyped-call] # untyped there
    return [
        entry["message"]
        for entry in entries
        if entry["level"] in {"SEVERE", "WARNING"} and not expected.search(entry["message"])
    ]


def requests(driver: webdriver.Chrome) -> list[str]:
    """Return the addresses that were asked for since the last call."""
    entries: Any = driver.get_log("performance")  # type: ignore[no-untyped-call] # untyped there
    events = [json.loads(entry["message"])["message"] for entry in entries]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def show_as(driver: webdriver.Chrome, scheme: str, size: tuple[int, int]) -> None:
    """Set what the browser prefers, light or dark, and the width and height of the page."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
        },
    )
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def is_too_wide(driver: webdriver.Chrome) -> bool:
    """Tell whether the page scrolls sideways as a whole."""
    script = "return document.documentElement.scrollWidth > window.innerWidth"
    return bool(driver.execute_script(script))


def submit(driver: webdriver.Chrome, button: str = "[type=submit]") -> None:
    """Press the button that this selector finds, and wait for the page that follows."""
    page = driver.find_element(By.TAG_NAME, "html")
    driver.find_element(By.CSS_SELECTOR, button).click()
    # While the page goes, the browser may say so in words that are no name of an error.
    wait = WebDriverWait(driver, 30, ignored_exceptions=[WebDriverException])
    wait.until(staleness_of(page))


def log_in(driver: webdriver.Chrome, origin: str, email: str, password: str) -> None:
    """Log in to the operators' site at this origin."""
    driver.get(f"{origin}/admin/login/")
    driver.find_element(By.NAME, "username").send_keys(email)
    driver.find_element(By.NAME, "password").send_keys(password)
    submit(driver, "#login-form [type=submit]")
