"""/admin/users/user/: operators change users by the same rules as through the API."""

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from tests.admin_site import act, enter, errors, is_in, save, say_yes, send, told
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, UserFactory, as_row
from users.models import Session, User

USERS = "/admin/users/user/"
LONG = "a new and long password"


def page_of(user: User) -> str:
    return f"{USERS}{user.pk}/change/"


def status(api: APIClient) -> int:
    return int(api.get("/users/current").status_code)


def both(user: User, login: Login) -> tuple[APIClient, APIClient]:
    """Return two logins of the user through the API."""
    return login(user), login(user)


# Adding


def test_adds_a_user(administrator: User, acme: Client, login: Login) -> None:
    new = {"name": "  Nora New ", "email": " NORA@Example.com ", "client": acme.pk}

    answer = save(enter(administrator), f"{USERS}add/", **new, password1=LONG, password2=LONG)

    assert answer.status_code == 302, errors(answer)
    nora = User.objects.get(email="nora@example.com")
    assert (nora.name, nora.client, nora.active) == ("Nora New", acme, True)
    login(nora, LONG)


def test_adds_an_administrator_where_no_client_is_chosen(administrator: User) -> None:
    new = {"name": "Nora New", "email": "nora@example.com"}

    save(enter(administrator), f"{USERS}add/", **new, password1=LONG, password2=LONG)

    assert User.objects.get(email="nora@example.com").is_administrator


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ({"name": "  "}, {"name": ["required"]}),
        ({"name": "\u200b"}, {"name": ["blank"]}),
        ({"name": "a\u202eb"}, {"name": ["invalid"]}),
        ({"name": "x" * 256}, {"name": ["max_length"]}),
        ({"name": "a\0b"}, {"name": ["null_characters_not_allowed"]}),
        ({"email": "no address"}, {"email": ["invalid"]}),
        ({"email": "ada@EXAMPLE.com"}, {"email": ["unique"]}),
        ({"email": " ada@example.com\t"}, {"email": ["unique"]}),
        ({"client": "99999999999999999999"}, {"client": ["invalid_choice"]}),
        ({"client": "x"}, {"client": ["invalid_choice"]}),
        ({"password1": ""}, {"password1": ["required"]}),
        ({"password1": "short", "password2": "short"}, {"password1": ["password_too_short"]}),
        ({"password2": "another password"}, {"password2": ["password_mismatch"]}),
        ({"password1": "x" * 1025, "password2": LONG}, {"password1": ["max_length"]}),
        (
            {"password1": "nora@example.com", "password2": "nora@example.com"},
            {"password1": ["password_too_similar"]},
        ),
    ],
)
def test_refuses_to_add(
    administrator: User, fault: dict[str, str], found: dict[str, list[str]]
) -> None:
    new = {"name": "Nora New", "email": "nora@example.com", "password1": LONG, "password2": LONG}

    answer = save(enter(administrator), f"{USERS}add/", **{**new, **fault})

    assert errors(answer) == found
    assert list(User.objects.all()) == [administrator]


# Changing


def test_changes_a_user(administrator: User, regular: User, globex: Client) -> None:
    changes = {"name": " Rita R. ", "email": "RITA.R@example.com", "client": globex.pk}

    answer = save(enter(administrator), page_of(regular), **changes)

    assert answer.status_code == 302, errors(answer)
    row = as_row(regular)
    assert (row["name"], row["email"]) == ("Rita R.", "rita.r@example.com")
    assert (row["client_id"], row["active"]) == (globex.pk, True)


def test_names_the_fields_alone_in_the_history(administrator: User, regular: User) -> None:
    save(enter(administrator), page_of(regular), name="Rita R.", email="r@example.com")

    entry = LogEntry.objects.get()
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["Name", "Email"]}}]
    assert (entry.user, entry.object_id) == (administrator, str(regular.pk))


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ({"email": "ADA@example.com"}, {"email": ["unique"]}),
        ({"email": ""}, {"email": ["required"]}),
        ({"name": "\u2063"}, {"name": ["blank"]}),
        ({"client": "0"}, {"client": ["invalid_choice"]}),
        ({"version": '"0"'}, {"__all__": ["stale"]}),
    ],
)
def test_refuses_to_change(
    administrator: User, regular: User, fault: dict[str, str], found: dict[str, list[str]]
) -> None:
    before = as_row(regular)

    answer = save(enter(administrator), page_of(regular), **fault)

    assert errors(answer) == found
    assert as_row(regular) == before
    assert not LogEntry.objects.exists()


def test_keeps_what_others_changed_since_the_page_was_loaded(
    administrator: User, regular: User
) -> None:
    browser = enter(administrator)
    page = browser.get(page_of(regular))
    act(browser, USERS, "deactivate", regular)

    answer = send(browser, page_of(regular), page, name="Rita R.")

    assert errors(answer) == {"__all__": ["stale"]}
    assert "changed by someone else" in answer.content.decode()
    assert (as_row(regular)["name"], as_row(regular)["active"]) == ("Rita Regular", False)


def test_takes_a_form_without_version(administrator: User, regular: User) -> None:
    answer = save(enter(administrator), page_of(regular), name="Rita R.", version=None)

    assert answer.status_code == 302
    assert as_row(regular)["name"] == "Rita R."


def test_deactivation_ends_all_sessions_for_good(
    administrator: User, regular: User, login: Login
) -> None:
    phones = both(regular, login)
    browser = enter(administrator)

    save(browser, page_of(regular), active=False)

    assert [status(phone) for phone in phones] == [401, 401]
    save(browser, page_of(regular), active=True)
    assert [status(phone) for phone in phones] == [401, 401]
    assert status(login(regular)) == 200


def test_promotion_ends_all_sessions(administrator: User, regular: User, login: Login) -> None:
    phones = both(regular, login)

    save(enter(administrator), page_of(regular), client="")

    assert as_row(regular)["client_id"] is None
    assert [status(phone) for phone in phones] == [401, 401]


def test_demotion_ends_all_sessions(administrator: User, acme: Client, login: Login) -> None:
    colleague = AdministratorFactory()
    phones, browser = both(colleague, login), enter(colleague)

    save(enter(administrator), page_of(colleague), client=acme.pk)

    assert as_row(colleague)["client_id"] == acme.pk
    assert [status(phone) for phone in phones] == [401, 401]
    assert not is_in(browser)


def test_other_changes_end_no_session(
    administrator: User, regular: User, globex: Client, login: Login
) -> None:
    phone = login(regular)

    save(enter(administrator), page_of(regular), name="Rita R.", client=globex.pk)

    assert status(phone) == 200


# The last administrator


@pytest.mark.parametrize("change", ["deactivation", "demotion"])
def test_keeps_the_last_administrator(administrator: User, acme: Client, change: str) -> None:
    AdministratorFactory(active=False)
    browser, before = enter(administrator), as_row(administrator)
    before = as_row(administrator)
    changes = {"active": False} if change == "deactivation" else {"client": acme.pk}

    answer = save(browser, page_of(administrator), **changes)

    assert errors(answer) == {"__all__": ["last_administrator"]}
    assert as_row(administrator) == before
    assert is_in(browser)
    assert not LogEntry.objects.exists()


def test_lets_the_last_but_one_go(administrator: User, acme: Client) -> None:
    AdministratorFactory()
    browser = enter(administrator)

    answer = save(browser, page_of(administrator), client=acme.pk)

    assert answer.status_code == 302
    assert not is_in(browser)


# Oneself


def test_own_email_needs_the_password(administrator: User) -> None:
    browser = enter(administrator)
    before = as_row(administrator)

    answer = save(browser, page_of(administrator), email="new@example.com")

    assert errors(answer) == {"current_password": ["required"]}
    assert as_row(administrator) == before


@pytest.mark.parametrize(("given", "code"), [("wrong", "incorrect"), ("x" * 1025, "max_length")])
def test_own_email_needs_the_right_password(administrator: User, given: str, code: str) -> None:
    browser = enter(administrator)
    before = as_row(administrator)

    answer = save(browser, page_of(administrator), email="new@example.com", current_password=given)

    assert errors(answer) == {"current_password": [code]}
    assert given not in answer.content.decode()
    assert as_row(administrator) == before


def test_own_email_changes_with_the_password(administrator: User) -> None:
    browser = enter(administrator)
    typed = {"email": "new@example.com", "current_password": PASSWORD}

    answer = save(browser, page_of(administrator), **typed)

    assert answer.status_code == 302, errors(answer)
    assert as_row(administrator)["email"] == "new@example.com"
    assert is_in(browser)
    assert json.loads(LogEntry.objects.get().change_message) == [{"changed": {"fields": ["Email"]}}]


def test_own_name_needs_no_password(administrator: User) -> None:
    answer = save(enter(administrator), page_of(administrator), name="Ada L.")

    assert answer.status_code == 302
    assert as_row(administrator)["name"] == "Ada L."


def test_another_users_email_needs_no_password(administrator: User, regular: User) -> None:
    browser = enter(administrator)

    assert "current_password" not in browser.get(page_of(regular)).content.decode()
    assert save(browser, page_of(regular), email="r@example.com").status_code == 302


# Bulk actions


def test_deactivates_many(administrator: User, regular: User, stranger: User, login: Login) -> None:
    phone, other = login(regular), login(stranger)

    page = act(enter(administrator), USERS, "deactivate", regular, stranger)

    assert told(page) == [("success", "Users deactivated: 2. Sessions ended: 2.")]
    assert (as_row(regular)["active"], as_row(stranger)["active"]) == (False, False)
    assert (status(phone), status(other)) == (401, 401)
    messages = LogEntry.objects.values_list("change_message", flat=True)
    assert [json.loads(text) for text in messages] == [[{"changed": {"fields": ["Active"]}}]] * 2


def test_activation_revives_no_session(administrator: User, regular: User, login: Login) -> None:
    phone, browser = login(regular), enter(administrator)
    act(browser, USERS, "deactivate", regular)

    page = act(browser, USERS, "activate", regular)

    assert told(page) == [("success", "Users activated: 1.")]
    assert status(phone) == 401
    assert status(login(regular)) == 200


def test_bulk_action_keeps_the_last_administrator(
    administrator: User, regular: User, login: Login
) -> None:
    phone, browser = login(regular), enter(administrator)
    before = as_row(administrator), as_row(regular)

    page = act(browser, USERS, "deactivate", administrator, regular)

    refusal = "This would leave no active administrator. Nothing was changed."
    assert told(page) == [("error", refusal)]
    assert (as_row(administrator), as_row(regular)) == before
    assert status(phone) == 200
    assert not LogEntry.objects.exists()


def test_bulk_action_across_all_pages_takes_the_filter_alone(
    administrator: User, regular: User, stranger: User, inactive: User
) -> None:
    body = {"action": "deactivate", "index": "0", "select_across": "1", "_selected_action": "1"}

    browser, path = enter(administrator), f"{USERS}?client={stranger.client_id}"
    say_yes(browser, path, browser.post(path, body))

    active = User.objects.active().order_by("pk")
    assert list(active) == [administrator, regular]


@pytest.mark.parametrize(
    ("action", "picked", "level"),
    [
        ("deactivate", [], "warning"),
        ("deactivate", ["x"], "warning"),
        ("deactivate", ["0"], "warning"),
        ("deactivate", ["99999999999999999999"], "warning"),
        ("deactivate", ["1\0"], "warning"),
        ("deactivate", ["999"], "success"),  # nobody, so nobody is changed
        ("delete_selected", ["999"], "warning"),
        ("", ["999"], "warning"),
        ("_set_active", ["999"], "warning"),
    ],
)
def test_bulk_action_on_nothing_changes_nothing(
    administrator: User, action: str, picked: list[str], level: str
) -> None:
    browser = enter(administrator)
    before = as_row(administrator)

    page = act(browser, USERS, action, *picked)

    assert [kind for kind, _ in told(page)] == [level]
    assert as_row(administrator) == before


# The list


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ada", "rita", "stan", "ina"]),
        ("q=LOVE", ["ada"]),
        ("q=example.com+regular", ["rita"]),
        ("q=nothing+of+this", []),
        ("q=%C3%A9LODIE", []),
        ("role=administrator", ["ada"]),
        ("role=regular", ["rita", "stan", "ina"]),
        ("active__exact=1", ["ada", "rita", "stan"]),
        ("active__exact=0&role=regular", ["ina"]),
        ("q=a%00b", ["ada", "rita", "stan", "ina"]),  # said to be invalid, and left out
        ("q=" + "x" * 256, []),
        ("q=" + "x+" * 5000, []),
    ],
)
def test_finds(
    administrator: User,
    regular: User,
    stranger: User,
    inactive: User,
    query: str,
    found: list[str],
) -> None:
    page = enter(administrator).get(f"{USERS}?{query}")

    assert [user.email.partition("@")[0] for user in page.context["cl"].result_list] == found


def test_finds_the_users_of_a_client(administrator: User, regular: User, stranger: User) -> None:
    page = enter(administrator).get(f"{USERS}?client={regular.client_id}")

    assert list(page.context["cl"].result_list) == [regular]
    assert "Client: <b>Acme</b>" in page.content.decode()


def test_offers_no_list_of_clients(administrator: User, acme: Client) -> None:
    browser = enter(administrator)

    pages = [browser.get(path).content.decode() for path in (USERS, f"{USERS}add/")]

    assert [acme.name in page for page in pages] == [False, False]


@pytest.mark.parametrize(
    ("choice", "found"),
    [("30", "a b c"), ("90", "b c"), ("180", "c"), ("never", "d")],
)
def test_filters_by_last_login(administrator: User, acme: Client, choice: str, found: str) -> None:
    browser = enter(administrator)
    for name, days in {"a": 31, "b": 91, "c": 181, "d": None}.items():
        login = days and timezone.now() - timedelta(days=days)
        UserFactory(name=name, client=acme, last_login_at=login)

    page = browser.get(f"{USERS}?last_login={choice}")

    assert [user.name for user in page.context["cl"].result_list] == found.split()


@pytest.mark.parametrize(
    "query",
    [
        "role=owner",
        "last_login=0",
        "last_login=31",
        "client=0",
        "client=999999",
        "client=99999999999999999999",
        "client=x",
        "active__exact=maybe",
        "password__startswith=argon2",
        "sessions__refresh_id__isnull=0",
        "email__contains=a",
        "bogus=1",
        "p=99999&bogus",
    ],
)
def test_leads_back_from_a_filter_that_there_is_not(administrator: User, query: str) -> None:
    answer = enter(administrator).get(f"{USERS}?{query}")

    assert (answer.status_code, answer["Location"]) == (302, f"{USERS}?e=1")


def test_shows_the_columns(administrator: User, regular: User) -> None:
    page = enter(administrator).get(USERS).content.decode()

    columns = ("person", "of_client", "role", "status", "last_login", "created")
    assert all(f"column-{name}" in page for name in columns)
    assert '<bdi>Rita Regular</bdi> <span class="quiet">rita@example.com</span>' in page
    assert '<span class="badge badge-administrator">Administrator</span>' in page
    assert '<span class="badge badge-active">Active</span>' in page
    client = f"/admin/clients/client/{regular.client_id}/change/"
    assert f'<a href="{client}"><bdi>Acme</bdi></a>' in page


def test_lists_sessions_of_others_only_through_their_page(
    administrator: User, regular: User, login: Login
) -> None:
    login(regular)
    browser = enter(administrator)

    page = browser.get(f"/admin/users/session/?user__id__exact={regular.pk}")

    assert list(page.context["cl"].result_list) == [Session.objects.get(user=regular)]
    assert f"?user__id__exact={regular.pk}" in browser.get(page_of(regular)).content.decode()


def test_markup_in_names_is_inert(administrator: User, acme: Client) -> None:
    Client.objects.filter(pk=acme.pk).update(name="<b>Acme</b>")
    user = UserFactory(name="<script>alert(1)</script>", client=acme)
    browser = enter(administrator)
    save(browser, page_of(user), name="<img src=x onerror=alert(1)>")

    paths = [USERS, page_of(user), f"{USERS}{user.pk}/history/", f"{USERS}?client={acme.pk}"]
    pages = [browser.get(path).content.decode() for path in [*paths, "/admin/"]]

    assert not any(tag in page for page in pages for tag in ("<img src=x", "<b>Acme", "<script>"))
    assert "&lt;img src=x" in pages[0]


@pytest.mark.parametrize("page", ["add/", "{}/change/"])
def test_says_that_no_client_means_administrator(administrator: User, page: str) -> None:
    shown = enter(administrator).get(f"{USERS}{page.format(administrator.pk)}").content.decode()

    assert 'data-placeholder="None: an administrator"' in shown


@pytest.mark.parametrize("column", ["1", "-2", "3", "4", "-4", "5", "-6", "3.4.1", "99", "x"])
def test_every_column_orders_the_list(administrator: User, regular: User, column: str) -> None:
    assert enter(administrator).get(f"{USERS}?o={column}").status_code == 200


def test_a_body_over_the_limit_is_too_large(administrator: User) -> None:
    answer = enter(administrator).post(f"{USERS}add/", {"name": "x" * 1_100_000})

    assert answer.status_code == 413
    assert User.objects.count() == 1
