"""POST /auth/refresh: rotation, and what becomes of spent tokens."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login, codes
from tests.users.auth.calls import claims_of, current, forge, refresh, short
from tests.users.auth.conftest import START, Clock
from users.models import Session, User

REFUSAL = {
    "type": "about:blank",
    "title": "Unauthorized",
    "status": 401,
    "code": "token_not_valid",
    "detail": "The refresh token is not valid (any more).",
    "request_id": "r1",
}
DAYS_14 = 14 * 24 * 60 * 60
Tokens = dict[str, str]


def is_refused(answer: Any) -> bool:
    """Tell whether this is the one refusal there is, in body and header."""
    assert (answer.status_code, answer.json()) == (401, REFUSAL), answer.content
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Cache-Control"] == "no-store"
    return True


def renew(token: str) -> Tokens:
    answer = refresh(token)
    assert answer.status_code == 200, answer.content
    tokens: Tokens = answer.json()
    return tokens


@pytest.fixture
def first(clock: Clock, regular: User, login: Login) -> Tokens:
    tokens: Tokens = login(regular).tokens  # type: ignore[attr-defined] # put there by `login`
    return tokens


@pytest.fixture
def elsewhere(clock: Clock, regular: User, login: Login) -> Tokens:
    """The same user's log-in on another device."""
    tokens: Tokens = login(regular).tokens  # type: ignore[attr-defined] # put there by `login`
    return tokens


def test_answers_a_new_pair(clock: Clock, first: Tokens) -> None:
    clock.at(minutes=1)
    answer = refresh(first["refresh"])

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    second = answer.json()
    assert second.keys() == {"access", "refresh"}
    assert set(second.values()).isdisjoint(first.values())
    assert current(second["access"]).status_code == 200
    assert claims_of(second["access"])["sid"] == claims_of(first["access"])["sid"]


def test_says_who_and_which_session_and_no_more(first: Tokens, regular: User) -> None:
    session = Session.objects.get()

    assert claims_of(first["refresh"]) == {
        "typ": "refresh",
        "sub": str(regular.pk),
        "sid": str(session.pk),
        "jti": session.refresh_id.hex,
        "iat": int(START.timestamp()),
        "exp": int(START.timestamp()) + DAYS_14,
        "aud": "roster",
        "iss": "roster",
    }


def test_access_token_of_before_goes_on(clock: Clock, first: Tokens) -> None:
    renew(first["refresh"])
    assert current(first["access"]).status_code == 200


def test_needs_no_access_token(first: Tokens) -> None:
    body = {"refresh": first["refresh"]}
    answer = APIClient().post("/auth/refresh/", body, HTTP_AUTHORIZATION="Bearer nonsense")
    assert answer.status_code == 200


def test_is_no_login(clock: Clock, first: Tokens, regular: User) -> None:
    clock.at(hours=1)
    renew(first["refresh"])

    regular.refresh_from_db()
    assert regular.last_login_at == START
    assert Session.objects.count() == 1


@pytest.mark.parametrize("seconds", [0, 1, 9.999, 10])
def test_token_spent_just_now_gets_the_present_one(
    clock: Clock, first: Tokens, seconds: float
) -> None:
    clock.at(minutes=5)
    second = renew(first["refresh"])
    row = Session.objects.values().get()

    clock.at(minutes=5, seconds=seconds)
    again = renew(first["refresh"])

    assert again["refresh"] == second["refresh"]
    assert again["access"] != second["access"]
    assert current(again["access"]).status_code == 200
    assert Session.objects.values().get() == row


@pytest.mark.parametrize("seconds", [10.001, 11, 60, DAYS_14 - 301])
def test_token_spent_longer_ago_ends_the_session(
    clock: Clock, first: Tokens, elsewhere: Tokens, seconds: float
) -> None:
    clock.at(minutes=5)
    second = renew(first["refresh"])
    clock.at(minutes=5, seconds=seconds)

    assert is_refused(refresh(first["refresh"]))

    assert is_refused(refresh(second["refresh"]))
    assert current(second["access"]).status_code == 401
    assert current(first["access"]).status_code == 401
    other = renew(elsewhere["refresh"])
    assert current(other["access"]).status_code == 200


def test_repeating_does_not_lengthen_the_10_seconds(clock: Clock, first: Tokens) -> None:
    renew(first["refresh"])
    for seconds in (6, 10):
        clock.at(seconds=seconds)
        renew(first["refresh"])

    clock.at(seconds=11)
    assert is_refused(refresh(first["refresh"]))
    assert not Session.objects.exists()


def test_every_tab_goes_on(clock: Clock, first: Tokens) -> None:
    present = {renew(first["refresh"])["refresh"] for _ in range(5)}
    assert len(present) == 1

    clock.at(hours=1)
    assert current(renew(present.pop())["access"]).status_code == 200


@pytest.mark.parametrize("seconds", [0, 5, 3600])
def test_token_spent_before_the_last_one_ends_the_session(
    clock: Clock, first: Tokens, elsewhere: Tokens, seconds: int
) -> None:
    third = renew(renew(first["refresh"])["refresh"])
    clock.at(seconds=seconds)

    assert is_refused(refresh(first["refresh"]))

    assert is_refused(refresh(third["refresh"]))
    assert current(third["access"]).status_code == 401
    assert refresh(elsewhere["refresh"]).status_code == 200


def test_token_never_given_out_ends_the_session(first: Tokens) -> None:
    unknown = {**claims_of(first["refresh"]), "jti": "0" * 32}

    assert is_refused(refresh(forge(unknown)))
    assert not Session.objects.exists()


def test_every_refusal_after_the_end_is_the_same(clock: Clock, first: Tokens) -> None:
    clock.at(seconds=1)
    second = renew(first["refresh"])
    clock.at(seconds=60)

    bodies = {refresh(first["refresh"]).content for _ in range(3)}
    bodies |= {refresh(second["refresh"]).content, refresh("nonsense").content}
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("seconds", "status"), [(DAYS_14 - 1, 200), (DAYS_14, 401), (DAYS_14 + 1, 401)]
)
def test_session_lives_14_days(clock: Clock, first: Tokens, seconds: int, status: int) -> None:
    clock.at(seconds=seconds)
    assert refresh(first["refresh"]).status_code == status


def test_each_refresh_gives_14_days_more(clock: Clock, first: Tokens) -> None:
    token = first["refresh"]
    for day in (1, 13, 16):
        clock.at(days=day)
        token = renew(token)["refresh"]
        assert claims_of(token)["exp"] == int((START + timedelta(days=day + 14)).timestamp())

    clock.at(days=16 + 14, seconds=-1)
    assert refresh(token).status_code == 200


def test_refresh_after_the_access_token_has_expired(clock: Clock, first: Tokens) -> None:
    clock.at(days=1)
    assert current(first["access"]).status_code == 401
    assert current(renew(first["refresh"])["access"]).status_code == 200


def test_longer_life_than_sessions_have_now_is_refused(first: Tokens, settings: Settings) -> None:
    settings.SESSION_LIFETIME = timedelta(days=13)
    assert is_refused(refresh(first["refresh"]))


def test_access_token_is_no_refresh_token(first: Tokens) -> None:
    assert is_refused(refresh(first["access"]))
    assert refresh(first["refresh"]).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        *("x", "a.b.c", "...", " ", "é" * 10, "\x00", "null", "Bearer x", "\u200b"),
        *("A" * 4097, "." * 100_000, "A" * 1_000_000),
    ],
    ids=short,
)
def test_text_that_is_no_token_is_refused(first: Tokens, token: str) -> None:
    assert is_refused(refresh(token))


def test_token_with_space_around_is_refused(first: Tokens) -> None:
    assert is_refused(refresh(f" {first['refresh']}"))
    assert is_refused(refresh(f"{first['refresh']}\n"))
    assert refresh(first["refresh"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"#/refresh": "required"}),
        ({"refresh": None}, {"#/refresh": "null"}),
        ({"refresh": ""}, {"#/refresh": "blank"}),
        ({"refresh": 1}, {"#/refresh": "invalid"}),
        ({"refresh": True}, {"#/refresh": "invalid"}),
        ({"refresh": ["x"]}, {"#/refresh": "invalid"}),
        ({"refresh": {}}, {"#/refresh": "invalid"}),
        ({"refresh": "x", "access": "x"}, {"#/access": "unknown_field"}),
        ({"token": "x"}, {"#/token": "unknown_field", "#/refresh": "required"}),
    ],
)
def test_body_of_another_shape_is_refused(
    first: Tokens, body: dict[str, Any], faults: dict[str, str]
) -> None:
    assert codes(APIClient().post("/auth/refresh", body)) == faults


def test_unknown_field_spends_nothing(first: Tokens) -> None:
    row = Session.objects.values().get()
    body = {"refresh": first["refresh"], "lifetime": 1}

    assert codes(APIClient().post("/auth/refresh", body)) == {"#/lifetime": "unknown_field"}
    answer = APIClient().post("/auth/refresh?x=1", {"refresh": first["refresh"]})
    assert codes(answer) == {"x": "unknown_parameter"}
    assert Session.objects.values().get() == row


@pytest.mark.parametrize("who", ["user", "client"])
def test_inactive_gets_nothing_even_with_a_session(first: Tokens, regular: User, who: str) -> None:
    if who == "user":
        User.objects.filter(pk=regular.pk).update(active=False)
    else:
        Client.objects.filter(users=regular).update(active=False)
    row = Session.objects.values().get()

    assert is_refused(refresh(first["refresh"]))
    assert Session.objects.values().get() == row


def test_session_of_somebody_else_is_refused_and_goes_on(
    first: Tokens, stranger: User, login: Login
) -> None:
    theirs: Tokens = login(stranger).tokens  # type: ignore[attr-defined] # put there by `login`
    mixed = {**claims_of(theirs["refresh"]), "sub": claims_of(first["refresh"])["sub"]}

    assert is_refused(refresh(forge(mixed)))
    assert refresh(theirs["refresh"]).status_code == 200
    assert refresh(first["refresh"]).status_code == 200


def refresh_weekly(clock: Clock, token: str, *, weeks: int) -> Tokens:
    tokens = {"refresh": token}
    for week in range(1, weeks + 1):
        clock.at(weeks=week)
        tokens = renew(tokens["refresh"])
    return tokens


def test_session_ends_30_days_after_its_login_however_often_it_is_refreshed(
    clock: Clock, first: Tokens
) -> None:
    last = refresh_weekly(clock, first["refresh"], weeks=4)
    assert Session.objects.get().expires_at == START + timedelta(days=30)

    clock.at(days=30, seconds=-1)
    present = renew(last["refresh"])
    assert current(present["access"]).status_code == 200

    clock.at(days=30)
    assert is_refused(refresh(present["refresh"]))
    assert current(present["access"]).status_code == 401


def test_session_older_than_a_lowered_limit_ends_at_its_next_refresh(
    clock: Clock, first: Tokens, settings: Settings
) -> None:
    settings.SESSION_MAX_LIFETIME = timedelta(days=3)
    clock.at(days=3)

    assert is_refused(refresh(first["refresh"]))
    assert not Session.objects.exists()


def test_refresh_reads_no_more_where_there_are_many_sessions(first: Tokens, regular: User) -> None:
    later = timezone.now() + timedelta(days=14)
    others = [
        Session(user=regular, refreshed_at=timezone.now(), expires_at=later) for _ in range(20_000)
    ]
    Session.objects.bulk_create(others)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    with CaptureQueriesContext(connection) as seen:
        renew(first["refresh"])

    acts = [query["sql"] for query in seen.captured_queries if '"sessions"' in query["sql"]]
    assert [act.split()[0] for act in acts] == ["SELECT", "UPDATE"]
    for act in acts:
        plan = plan_of(act)
        assert "SCAN sessions" not in plan
        assert "Seq Scan on sessions" not in plan
        assert "PRIMARY KEY" in plan or "sessions_pkey" in plan


def plan_of(sql: str) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        return str(cursor.fetchall())
