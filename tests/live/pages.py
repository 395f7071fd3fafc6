"""The pages of the operators' site that are timed."""

from django.test import Client as Browser

from clients.models import Client
from tests.live.many import COMMON, NOBODY, RARE
from users.models import User

USERS, CLIENTS = "/admin/users/user/", "/admin/clients/client/"
AUDIT, SESSIONS = "/admin/audit/auditevent/", "/admin/users/session/"
MAILS = "/admin/users/mail/"


def pages(browser: Browser) -> list[tuple[str, str]]:
    """Return names and paths; lists with a page in the middle and their last."""
    user, large = User.objects.latest("pk").pk, Client.objects.order_by("pk")[0].pk
    choose = "/admin/autocomplete/?app_label=users&model_name=user&field_name=client"
    return [
        ("start page", "/admin/"),
        *_list("users", USERS, browser),
        *_list("administrators", f"{USERS}?role=administrator", browser),
        *_list("regular users", f"{USERS}?role=regular", browser),
        *((f"users {status}", f"{USERS}?status={status}")
          for status in ("active", "invited", "inactive")),
        *_list("users not inactive", f"{USERS}?active__exact=1", browser),
        *_list("users of a large client", f"{USERS}?client={large}", browser),
        ("users of a small client", f"{USERS}?client={large + 4}"),
        ("inactive users of a large client", f"{USERS}?client={large}&status=inactive"),
        *_list("users, last login 90 days ago", f"{USERS}?last_login=90", browser),
        *_list("users active and dormant", f"{USERS}?last_login=90&status=active", browser),
        *_list("users who never logged in", f"{USERS}?last_login=never", browser),
        *((f"users, sorted by column {column}", f"{USERS}?o={column}")
          for column in ("1", "-1", "-2", "3", "4", "5", "7", "-7")),
        *_list("users, sorted by name", f"{USERS}?o=2", browser),
        *_list("users, search a common word", f"{USERS}?q={COMMON}", browser),
        ("users, search a rare word", f"{USERS}?q={RARE}"),
        ("users, search an address", f"{USERS}?q=user4321@example.com"),
        ("users, search no match", f"{USERS}?q={NOBODY}"),
        ("users, search two words", f"{USERS}?q={RARE}+{COMMON}"),
        ("users, search two letters", f"{USERS}?q=zq"),
        ("inactive users, search no match", f"{USERS}?q={NOBODY}&status=inactive"),
        ("user", f"{USERS}{user}/change/"),
        ("user, history", f"{USERS}{user}/history/"),
        ("user, add", f"{USERS}add/"),
        *_list("clients", CLIENTS, browser),
        ("clients, search", f"{CLIENTS}?q=77"),
        ("clients, search no match", f"{CLIENTS}?q={NOBODY}"),
        *((f"clients, sorted by column {column}", f"{CLIENTS}?o={column}") for column in "1234"),
        ("client", f"{CLIENTS}{large}/change/"),
        ("choice of a client", choose),
        ("choice of a client, typed", f"{choose}&term=client+77"),
        ("choice of a client, no match", f"{choose}&term={NOBODY}"),
        *_list("audit events", AUDIT, browser),
        *_list("audit events, log-ins", f"{AUDIT}?event=login", browser),
        ("audit events, of a rare kind", f"{AUDIT}?event=client_created"),
        ("audit events, of a kind that never was", f"{AUDIT}?event=audit_pruned"),
        ("audit events, of a door that nobody used", f"{AUDIT}?door=command"),
        ("audit events, search", f"{AUDIT}?q=user77@example.com"),
        ("audit events of a user", f"{AUDIT}?user={user}"),
        *_list("sessions", SESSIONS, browser),
        ("sessions, search", f"{SESSIONS}?q={RARE}"),
        ("mails", MAILS),
        ("mails failed", f"{MAILS}?state__exact=failed"),
    ]  # fmt: skip


def _list(name: str, path: str, browser: Browser) -> list[tuple[str, str]]:
    last = browser.get(path).context["cl"].paginator.num_pages
    join = "&" if "?" in path else "?"
    paged = [("middle", max(1, last // 2)), ("last", last)]
    return [(name, path), *((f"{name}, {word} page", f"{path}{join}p={n}") for word, n in paged)]
