"""How tests use the admin site: as a browser does, through its log-in and its forms."""

import re
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
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
    know_types()
    return browser


def know_types() -> None:
    """Look up what Django looks up once a process, or the first page costs a query more."""
    ContentType.objects.get_for_models(*apps.get_models())


def is_in(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


def save(browser: Client, path: str, **changes: Any) -> Any:
    """Load the form at this path, type the changes in, send it, and say yes where it asks."""
    return send(browser, path, browser.get(path), **changes)


def send(browser: Client, path: str, page: Any, **changes: Any) -> Any:
    """Send the form of a page that was loaded before, with the changes typed in; see `save`."""
    form = page.context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    typed = {**shown, **changes}
    body = {k: v for k, v in typed.items() if v not in (None, False)}
    answer = browser.post(path, body)
    if not is_asked(answer):
        return answer
    asking = answer.context["adminform"].form
    return browser.post(path, {**body, "confirmed": asking.confirmation})


def is_asked(answer: Any) -> bool:
    """Tell whether the page asks before it does anything."""
    if answer.status_code != 200 or not answer.context:
        return False
    if "question" in answer.context:
        return True
    form = getattr(answer.context.get("adminform"), "form", None)
    return bool(getattr(form, "is_asking", False))


def say_yes(browser: Client, path: str, page: Any) -> Any:
    """Send the form of a page that asks, and return the page that follows."""
    return browser.post(path, hidden_in(page), follow=True)


def hidden_in(page: Any) -> dict[str, list[str]]:
    body: dict[str, list[str]] = {}
    for name, value in page.context["question"].hidden:
        body.setdefault(name, []).append(value)
    return body


def act(browser: Client, path: str, action: str, *rows: Any) -> Any:
    """Run a bulk action on rows of the list at this path, and return the page that follows.

    Where it asks, the answer is yes.
    """
    picked = [getattr(row, "pk", row) for row in rows]
    body = {"action": action, "index": "0", "select_across": "0", "_selected_action": picked}
    page = browser.post(path, body, follow=True)
    return say_yes(browser, path, page) if is_asked(page) else page


def errors(answer: Any) -> dict[str, list[str]]:
    """Return the codes of a refused form: `{field: [code, …]}`, `__all__` for the whole."""
    assert answer.status_code == 200, answer.status_code
    context = answer.context
    form = context["adminform"].form if "adminform" in context else context["form"]
    return {name: [e.code for e in found.as_data()] for name, found in form.errors.items()}


def told(answer: Any) -> list[tuple[str, str]]:
    """Return the messages of a page, without their links to the trail: `[(level, text), …]`."""
    return [
        (message.level_tag, re.sub(r" <a href=.*</a>\Z", "", str(message)))
        for message in answer.context["messages"]
    ]
