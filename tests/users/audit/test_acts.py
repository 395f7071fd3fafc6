"""What each act leaves in the trail: who, on whom, through which door, what changed."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from config.audit.events import Event
from config.audit.models import AuditEvent
from tests import admin_site
from tests.admin_site import enter, save
from tests.conftest import Login
from tests.factories import PASSWORD, AdministratorFactory, UserFactory, as_row
from tests.trail import events, names, run, verify
from users.lifecycle import LastAdministrator, purge_sessions, set_active
from users.models import Session, User

NEW_PASSWORD = "an entirely new sentence"
WHO = ("event", "actor", "target_type", "target_id", "door")


def since(client: Any, act: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return what an act adds to the trail."""
    last = AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    act()
    return events(id__gt=last)


def only(client: Any, act: Callable[[], Any]) -> dict[str, Any]:
    (row,) = since(client, act)
    return row


# Logging in and out


def test_a_login_through_the_api(regular: User, anonymous: APIClient) -> None:
    headers = {"X-Request-ID": "r-1"}
    body = {"email": "RITA@example.com", "password": PASSWORD}

    row = only(anonymous, lambda: anonymous.post("/auth/login", body, headers=headers))

    assert [row[key] for key in WHO] == ["login", "rita@example.com", "user", regular.pk, "api"]
    assert (row["address"], row["request_id"]) == ("127.0.0.1", "r-1")
    assert row["changes"] == {}
    assert row["details"] == {"session": Session.objects.get().pk}


def test_a_login_through_the_admin_site(administrator: User) -> None:
    row = only(None, lambda: enter(administrator))

    assert [row[key] for key in WHO] == ["login", "ada@example.com", "user", administrator.pk,
                                         "admin"]  # fmt: skip
    assert re.fullmatch("[0-9a-f]{32}", row["request_id"])


@pytest.mark.parametrize("door", ["api", "admin"])
@pytest.mark.parametrize(
    ("typed", "noted"),
    [("ada@example.com", "ada@example.com"), (" ADA@Example.com", "ada@example.com"),
     ("nobody@example.com", "nobody@example.com"), ("correct horse", ""), ("p@ss w0rd", "")],
)  # fmt: skip
def test_a_refused_login_is_kept(door: str, typed: str, noted: str, administrator: User) -> None:
    if door == "api":
        APIClient().post("/auth/login", {"email": typed, "password": "wrong"})
    else:
        admin_site.log_in(Browser(), typed, "wrong")

    (row,) = events()
    target = administrator.pk if noted == "ada@example.com" else None
    assert (row["event"], row["actor"], row["door"]) == ("login_refused", "", door)
    assert (row["target_id"], row["details"]) == (target, {"email": noted})
    assert Session.objects.count() == 0


@pytest.mark.parametrize("door", ["api", "admin"])
def test_the_inactive_are_refused_and_kept(door: str, db: None) -> None:
    user = AdministratorFactory(active=False)
    if door == "api":
        APIClient().post("/auth/login", {"email": user.email, "password": PASSWORD})
    else:
        admin_site.log_in(Browser(), user.email)

    (row,) = events()
    assert [row[key] for key in WHO] == ["login_refused", "", "user", user.pk, door]


def test_a_regular_user_refused_by_the_admin_site_is_kept(regular: User) -> None:
    admin_site.log_in(Browser(), regular.email)

    assert names() == ["login_refused"]
    assert events()[0]["target_id"] == regular.pk


def test_an_account_changed_during_each_try_is_refused_and_kept_once(
    regular: User, anonymous: APIClient
) -> None:
    def change(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT") and '"password_digest"' in sql:
            if '"users"."email" = ' in sql and "LIMIT 1" in sql:
                User.objects.filter(pk=regular.pk).update(password=make_password(PASSWORD))
        return result

    with connection.execute_wrapper(change):
        answer = anonymous.post("/auth/login", {"email": regular.email, "password": PASSWORD})

    assert answer.status_code == 401
    assert names() == ["login_refused"]
    assert events()[0]["target_id"] == regular.pk


def test_a_throttled_login_is_not_recorded(regular: User, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_MINUTE = 1
    body = {"email": regular.email, "password": "wrong"}
    statuses = [APIClient().post("/auth/login", body).status_code for _ in range(6)]

    assert statuses[-1] == 429
    assert names() == ["login_refused"] * statuses.count(401)


def test_a_logout(as_regular: APIClient, regular: User) -> None:
    session = Session.objects.get().pk

    row = only(as_regular, lambda: as_regular.post("/auth/logout"))

    assert [row[key] for key in WHO] == ["logout", "rita@example.com", "user", regular.pk, "api"]
    assert row["details"] == {"session": session}
    assert since(as_regular, lambda: as_regular.post("/auth/logout")) == []


def test_a_logout_of_the_admin_site(administrator: User) -> None:
    browser = enter(administrator)

    row = only(browser, lambda: browser.post("/admin/logout/"))

    assert (row["event"], row["actor_id"], row["door"]) == ("logout", administrator.pk, "admin")


def test_a_refresh_that_rotates_or_is_repeated_leaves_nothing(as_regular: APIClient) -> None:
    tokens = as_regular.tokens  # type: ignore[attr-defined] # what `login` keeps beside the client
    body = {"refresh": tokens["refresh"]}

    twice = [APIClient().post("/auth/refresh", body).status_code for _ in range(2)]

    assert twice == [200, 200]
    assert names() == ["login"]


def test_a_replayed_refresh_token(as_regular: APIClient, regular: User) -> None:
    spent = {"refresh": as_regular.tokens["refresh"]}  # type: ignore[attr-defined] # see above
    session = Session.objects.get().pk
    APIClient().post("/auth/refresh", spent)
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        row = only(None, lambda: APIClient().post("/auth/refresh", spent))

    assert [row[key] for key in WHO] == ["refresh_replayed", "", "user", regular.pk, "api"]
    assert row["details"] == {"session": session}
    assert Session.objects.count() == 0


def test_what_is_no_refresh_token_leaves_nothing(regular: User) -> None:
    APIClient().post("/auth/refresh", {"refresh": "x"})

    assert names() == []


def test_sessions_that_are_over_are_purged_without_a_word(as_regular: APIClient) -> None:
    past = timezone.now() - timedelta(days=1)
    Session.objects.update(refreshed_at=past - timedelta(days=1), expires_at=past)

    assert purge_sessions(limit=9) == 1
    assert names() == ["login"]


# Ending sessions


def test_ending_a_session_by_its_id(as_regular: APIClient, regular: User, login: Login) -> None:
    login(regular)
    other = Session.objects.latest("pk").pk

    row = only(as_regular, lambda: as_regular.delete(f"/auth/sessions/{other}"))

    assert [row[key] for key in WHO] == ["session_ended", "rita@example.com", "user", regular.pk,
                                         "api"]  # fmt: skip
    assert row["details"] == {"session": other}


def test_ending_all_other_sessions(as_regular: APIClient, regular: User, login: Login) -> None:
    for _ in range(2):
        login(regular)
    others = list(Session.objects.order_by("pk").values_list("pk", flat=True))[1:]

    row = only(as_regular, lambda: as_regular.delete("/auth/sessions"))

    assert (row["event"], row["target_id"]) == ("sessions_ended", regular.pk)
    assert row["details"] == {"sessions": others}
    assert since(as_regular, lambda: as_regular.delete("/auth/sessions")) == []


def test_ending_the_sessions_of_another(
    as_administrator: APIClient, as_regular: APIClient, regular: User
) -> None:
    row = only(None, lambda: as_administrator.delete(f"/users/{regular.pk}/sessions"))

    assert [row[key] for key in WHO] == ["sessions_ended", "ada@example.com", "user", regular.pk,
                                         "api"]  # fmt: skip


def test_ending_sessions_of_many_in_the_admin_site(
    administrator: User, regular: User, stranger: User, login: Login
) -> None:
    browser = enter(administrator)
    for user in (regular, stranger, regular):
        login(user)
    theirs = Session.objects.exclude(user=administrator)
    picked = {
        user.pk: list(theirs.filter(user=user).order_by("pk").values_list("pk", flat=True))
        for user in (regular, stranger)
    }

    rows = since(None, lambda: admin_site.act(browser, "/admin/users/session/", "end", *theirs))

    assert {row["target_id"]: row["details"]["sessions"] for row in rows} == picked
    assert {(row["event"], row["actor"], row["door"]) for row in rows} == {
        ("sessions_ended", "ada@example.com", "admin")
    }


# Users


CREATED = {"name": "N", "email": "n@example.com", "client_id": None, "password": "brave new horses"}


def test_creating_a_user(as_administrator: APIClient, acme: Client) -> None:
    body = {**CREATED, "client_id": acme.pk, "active": False}

    row = only(None, lambda: as_administrator.post("/users", body))

    made = User.objects.get(email="n@example.com")
    assert [row[key] for key in WHO] == ["user_created", "ada@example.com", "user", made.pk, "api"]
    assert row["changes"] == {
        "name": [None, "N"],
        "email": [None, "n@example.com"],
        "client_id": [None, acme.pk],
        "active": [None, False],
        "password": [None, "***"],
    }


def test_creating_an_administrator_by_command(db: None) -> None:
    options = {"email": "root@example.com", "name": "Root", "interactive": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW_PASSWORD)
        call_command("createsuperuser", verbosity=0, **options)

    (row,) = events()
    made = User.objects.get()
    assert [row[key] for key in WHO] == ["user_created", "", "user", made.pk, "command"]
    assert row["changes"]["client_id"] == [None, None]
    assert (row["address"], row["request_id"]) == ("", "")


def test_changing_every_field_of_a_user(
    as_administrator: APIClient, as_regular: APIClient, regular: User, globex: Client
) -> None:
    body = {"name": "New", "email": "new@example.com", "client_id": globex.pk, "active": False}
    body["password"] = NEW_PASSWORD

    row = only(None, lambda: as_administrator.put(f"/users/{regular.pk}", body))

    assert [row[key] for key in WHO] == ["user_updated", "ada@example.com", "user", regular.pk,
                                         "api"]  # fmt: skip
    assert row["changes"] == {
        "name": ["Rita Regular", "New"],
        "email": ["rita@example.com", "new@example.com"],
        "client_id": [regular.client_id, globex.pk],
        "active": [True, False],
        "password": ["***", "***"],
    }
    assert row["details"] == {"sessions_ended": 1}


def test_promotion_and_demotion(as_administrator: APIClient, regular: User) -> None:
    path = f"/users/{regular.pk}"

    rows = since(None, lambda: [as_administrator.put(path, {"client_id": pk})
                                for pk in (None, regular.client_id)])  # fmt: skip

    assert [row["changes"] for row in rows] == [
        {"client_id": [regular.client_id, None]},
        {"client_id": [None, regular.client_id]},
    ]


@pytest.mark.parametrize("body", [{}, {"name": "Rita Regular"}, {"email": "RITA@example.com"}])
def test_a_change_of_nothing_leaves_nothing(
    body: dict[str, Any], as_administrator: APIClient, regular: User
) -> None:
    answers: list[Any] = []
    rows = since(None, lambda: answers.append(as_administrator.put(f"/users/{regular.pk}", body)))

    assert (answers[0].status_code, rows) == (200, [])


def test_changes_through_the_admin_site(administrator: User, regular: User) -> None:
    browser = enter(administrator)
    path = f"/admin/users/user/{regular.pk}/"

    rows = since(None, lambda: [
        save(browser, f"{path}change/", name="New"),
        browser.post(f"{path}password/", {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}),
    ])  # fmt: skip

    assert {tuple(row[key] for key in WHO) for row in rows} == {
        ("user_updated", "ada@example.com", "user", regular.pk, "admin")
    }
    assert [row["changes"] for row in rows] == [
        {"name": ["Rita Regular", "New"]},
        {"password": ["***", "***"]},
    ]


def test_a_password_set_by_command(regular: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_: NEW_PASSWORD)

    row = only(None, lambda: call_command("changepassword", "rita@example.com"))

    assert [row[key] for key in WHO] == ["password_set", "", "user", regular.pk, "command"]
    assert row["changes"] == {"password": ["***", "***"]}


@pytest.mark.parametrize("door", ["api", "admin"])
def test_a_wrong_current_password(door: str, administrator: User, login: Login) -> None:
    if door == "api":
        body = {"email": "new@example.com", "current_password": "wrong"}
        login(administrator).put(f"/users/{administrator.pk}", body)
    else:
        path, new = "/admin/password_change/", NEW_PASSWORD
        body = {"old_password": "wrong", "new_password1": new, "new_password2": new}
        enter(administrator).post(path, body)

    assert names() == ["login", "password_refused"]
    row = events()[1]
    assert [row[key] for key in WHO] == ["password_refused", "ada@example.com", "user",
                                         administrator.pk, door]  # fmt: skip


def test_a_bulk_act_has_a_row_for_each_user(
    administrator: User, regular: User, stranger: User, inactive: User, login: Login
) -> None:
    browser = enter(administrator)
    login(regular)
    path, users = "/admin/users/user/", (regular, stranger, inactive)

    off = since(None, lambda: admin_site.act(browser, path, "deactivate", *users))
    on = since(None, lambda: admin_site.act(browser, path, "activate", *users))

    assert [(row["event"], row["target_id"]) for row in off] == [
        ("user_deactivated", regular.pk),
        ("user_deactivated", stranger.pk),
    ]
    assert {row["event"] for row in on} == {"user_activated"}
    assert off[0]["changes"] == {"active": [True, False]}
    assert [row["details"]["bulk"] for row in (*off, *on)] == [2, 2, 3, 3, 3]
    assert off[0]["details"]["bulk_sessions_ended"] == 1


def test_seeding_is_one_event_a_batch_and_none_for_nothing(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    call_command("seed_users", users=3, clients=2, verbosity=0)

    assert [row["details"] for row in events()] == [{"clients": 2}, {"users": 1}, {"users": 3}]
    assert set(names()) == {"users_seeded"}
    assert since(None, lambda: call_command("seed_users", users=3, clients=2)) == []


# Clients


def test_creating_and_changing_a_client(as_administrator: APIClient) -> None:
    created = only(None, lambda: as_administrator.post("/clients", {"name": "Initech"}))
    client = Client.objects.get()
    UserFactory(client=client)

    path = f"/clients/{client.pk}"
    changed = only(None, lambda: as_administrator.put(path, {"name": "Hooli", "active": False}))

    assert [created[key] for key in WHO] == ["client_created", "ada@example.com", "client",
                                             client.pk, "api"]  # fmt: skip
    assert created["changes"] == {"name": [None, "Initech"], "active": [None, True]}
    assert (changed["event"], changed["target"]) == ("client_updated", "Hooli")
    assert changed["changes"] == {"name": ["Initech", "Hooli"], "active": [True, False]}
    assert changed["details"] == {"sessions_ended": 0}
    assert since(None, lambda: as_administrator.put(path, {"active": False})) == []


# Neither without the other


def test_the_last_administrator_who_stays_leaves_nothing(
    as_administrator: APIClient, administrator: User
) -> None:
    body = {"active": False}
    assert as_administrator.put(f"/users/{administrator.pk}", body).status_code == 409
    with pytest.raises(LastAdministrator):
        set_active(User.objects.all(), False, actor=administrator)

    assert names() == ["login"]
    assert as_row(administrator)["active"]


def test_a_refused_form_of_the_admin_site_leaves_nothing(administrator: User) -> None:
    browser = enter(administrator)

    save(browser, f"/admin/users/user/{administrator.pk}/change/", active=False)

    assert names() == ["login"]
    assert as_row(administrator)["active"]


def test_an_email_taken_meanwhile_leaves_nothing(
    as_administrator: APIClient, regular: User, stranger: User
) -> None:
    body = {"email": "stan@example.com"}
    User.objects.filter(pk=stranger.pk).update(email="other@example.com")

    def take(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if 'AS "a" FROM "users"' in sql:
            User.objects.filter(pk=stranger.pk).update(email="stan@example.com")
        return result

    with connection.execute_wrapper(take):
        answer = as_administrator.put(f"/users/{regular.pk}", body)

    assert answer.status_code == 400
    assert names() == ["login"]


ACTS: dict[str, Callable[[APIClient, User], Any]] = {
    "login": lambda client, user: client.post(
        "/auth/login", {"email": user.email, "password": PASSWORD}
    ),
    "logout": lambda client, user: client.post("/auth/logout"),
    "end": lambda client, user: client.delete(f"/users/{user.pk}/sessions"),
    "create": lambda client, user: client.post("/users", CREATED),
    "update": lambda client, user: client.put(f"/users/{user.pk}", {"name": "New"}),
    "password": lambda client, user: client.put(f"/users/{user.pk}", {"password": NEW_PASSWORD}),
    "create client": lambda client, user: client.post("/clients", {"name": "Initech"}),
    "update client": lambda client, user: client.put(
        f"/clients/{user.client_id}", {"active": False}
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["audit_events", "audit_lanes"])
@pytest.mark.parametrize("act", ACTS)
def test_what_cannot_be_recorded_is_not_done(
    act: str, table: str, as_administrator: APIClient, as_regular: APIClient, regular: User
) -> None:
    def state() -> list[Any]:
        return [list(model.objects.order_by("pk").values()) for model in (User, Client, Session)]

    before = state(), names()
    as_administrator.raise_request_exception = False
    run(f"ALTER TABLE {table} RENAME TO away")
    try:
        answer = ACTS[act](as_administrator, regular)
    finally:
        run(f"ALTER TABLE away RENAME TO {table}")

    assert answer.status_code in (500, 503)
    assert (state(), names()) == before


def test_a_refusal_that_cannot_be_recorded_is_no_answer(regular: User) -> None:
    run("ALTER TABLE audit_lanes RENAME TO away")

    with pytest.raises(DatabaseError):
        authenticate(username=regular.email, password="wrong")


# Nothing secret


def test_no_secret_is_in_any_column(
    administrator: User, as_administrator: APIClient, as_regular: APIClient, regular: User
) -> None:
    secrets = ["wrong but secret", NEW_PASSWORD, PASSWORD, CREATED["password"]]
    APIClient().post("/auth/login", {"email": secrets[0], "password": secrets[0]})
    APIClient().post("/auth/login", {"email": regular.email, "password": secrets[0]})
    as_administrator.post("/users", CREATED)
    as_administrator.put(f"/users/{regular.pk}", {"password": NEW_PASSWORD})
    own = {"password": NEW_PASSWORD, "current_password": secrets[0]}
    as_administrator.put(f"/users/{administrator.pk}", own)
    as_administrator.put(f"/users/{administrator.pk}", {**own, "current_password": PASSWORD})
    for client in (as_administrator, as_regular):
        secrets += client.tokens.values()  # type: ignore[attr-defined] # see above
    secrets += ["argon2", *(row["password"] for row in User.objects.values())]

    text = str(list(AuditEvent.objects.values()))

    assert AuditEvent.objects.count() >= 8
    assert [secret for secret in secrets if secret and str(secret) in text] == []
    assert verify() == []


def test_each_event_says_what_it_means() -> None:
    assert all(event.meaning.endswith(".") for event in Event)
    assert len({event.meaning for event in Event}) == len(Event)
