"""How tests use the admin site: as a browser does, through its log-in and its forms."""

from typing import Any

from django.test import Client

from tests.factories import PASSWORD
from users.models import User

REFUSED = "Please enter the correct email and password of an active administrator."


def log_in(browser: Client, email: str, password: str = PASSWORD) -> Any:
    return browser.post("/admin/login/", {"username": email, "password": password})


def enter(user: User, password: str = PASSWORD) -> Client:
    """Return a browser in which the user has logged in to the admin site."""
    browser = Client()
    answer = log_in(browser, user.email, password)
    assert answer.status_code == 302, errors(answer)
    return browser


def is_in(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


def save(browser: Client, path: str, **changes: Any) -> Any:
    """Load the form at this path, type the changes in, and send it."""
    return send(browser, path, browser.get(path), **changes)


def send(browser: Client, path: str, page: Any, **changes: Any) -> Any:
    """Send the form of a page that was loaded before, with the changes typed in."""
    form = page.context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    typed = {**shown, **changes}
    return browser.post(path, {k: v for k, v in typed.items() if v not in (None, False)})


def act(browser: Client, path: str, action: str, *rows: Any) -> Any:
    """Run a bulk action on rows of the list at this path, and return the page that follows."""
    picked = [getattr(row, "pk", row) for row in rows]
    body = {"action": action, "index": "0", "select_across": "0", "_selected_action": picked}
    return browser.post(path, body, follow=True)


def errors(answer: Any) -> dict[str, list[str]]:
    """Return the codes of a refused form: `{field: [code, …]}`, `__all__` for the whole."""
    assert answer.status_code == 200, answer.status_code
    context = answer.context
    form = context["adminform"].form if "adminform" in context else context["form"]
    return {name: [e.code for e in found.as_data()] for name, found in form.errors.items()}


def told(answer: Any) -> list[tuple[str, str]]:
    """Return the messages of a page: `[(level, text), …]`."""
    return [(message.level_tag, str(message)) for message in answer.context["messages"]]
