"""/auth/sessions: where one is logged in, and ending it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from tests.admin_site import enter, is_in
from tests.conftest import Login, codes
from tests.factories import PASSWORD
from tests.sending import send
from tests.users.auth.calls import id_of, is_dead, refresh, stored
from tests.users.auth.conftest import Clock
from users.models import Session, User

AGENT = "Browser/1.0 (Test)"


def expire(session_id: int) -> None:
    past = timezone.now() - timedelta(hours=1)
    row = Session.objects.filter(pk=session_id)
    assert row.update(refreshed_at=past, expires_at=timezone.now()) == 1


# Listing


def test_lists_exactly_six_keys_of_each_newest_first(
    regular: User, login: Login, clock: Clock
) -> None:
    APIClient().post(
        "/auth/login",
        {"email": regular.email, "password": PASSWORD},
        headers={"User-Agent": AGENT},
        REMOTE_ADDR="2001:db8::7",
    )
    clock.at(minutes=5)
    here = login(regular)

    answer = here.get("/auth/sessions")

    assert answer.status_code == 200
    assert answer.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": id_of(here),
                "created_at": "2030-01-01T00:05:00.000000Z",
                "last_used_at": "2030-01-01T00:05:00.000000Z",
                "address": "127.0.0.1",
                "user_agent": "",
                "current": True,
            },
            {
                "id": Session.objects.earliest("pk").pk,
                "created_at": "2030-01-01T00:00:00.000000Z",
                "last_used_at": "2030-01-01T00:00:00.000000Z",
                "address": "2001:db8::7",
                "user_agent": AGENT,
                "current": False,
            },
        ],
    }
    assert answer["Cache-Control"] == "no-store"


def test_last_use_is_the_last_refresh_and_no_other_call(
    regular: User, login: Login, clock: Clock
) -> None:
    here: Any = login(regular)
    clock.at(minutes=7)
    refresh(here.tokens["refresh"])
    clock.at(minutes=9)
    here.get("/users/current")

    (session,) = here.get("/auth/sessions").json()["results"]

    assert session["created_at"] == "2030-01-01T00:00:00.000000Z"
    assert session["last_used_at"] == "2030-01-01T00:07:00.000000Z"


def test_knows_no_address_where_there_was_none(as_regular: APIClient) -> None:
    Session.objects.update(address=None)

    assert as_regular.get("/auth/sessions").json()["results"][0]["address"] is None


def test_shows_nobody_elses_to_administrators_either(
    as_administrator: APIClient, as_regular: APIClient
) -> None:
    own = [id_of(client) for client in (as_administrator, as_regular)]

    listed = [
        [session["id"] for session in client.get("/auth/sessions").json()["results"]]
        for client in (as_administrator, as_regular)
    ]

    assert listed == [[own[0]], [own[1]]]


def test_shows_none_that_is_over(regular: User, login: Login) -> None:
    here, over = login(regular), login(regular)
    expire(id_of(over))

    answer = here.get("/auth/sessions").json()

    assert (answer["count"], [session["id"] for session in answer["results"]]) == (1, [id_of(here)])


def test_lists_a_log_in_to_the_operators_site(
    administrator: User, as_administrator: APIClient
) -> None:
    enter(administrator)

    sessions = as_administrator.get("/auth/sessions").json()["results"]

    assert [session["current"] for session in sessions] == [False, True]
    assert sessions[0]["id"] == Session.objects.latest("pk").pk


def test_shows_nothing_that_tokens_are_made_of(as_regular: APIClient) -> None:
    session = Session.objects.get()

    text = as_regular.get("/auth/sessions").content.decode()

    assert session.refresh_id.hex not in text.replace("-", "")


def test_is_paged_like_every_list(regular: User, login: Login, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://accounts.example.com"
    clients = [login(regular) for _ in range(5)]
    ids = [id_of(client) for client in reversed(clients)]
    base = "https://accounts.example.com/auth/sessions?page_size=2&page="

    answer = clients[0].get("/auth/sessions?page_size=2&page=2")

    page = answer.json()
    assert [session["id"] for session in page["results"]] == ids[2:4]
    assert (page["count"], page["next"], page["previous"]) == (5, f"{base}3", f"{base}1")
    assert answer["Link"] == (
        f'<{base}1>; rel="first", <{base}3>; rel="last", <{base}1>; rel="prev", '
        f'<{base}3>; rel="next"'
    )


def test_newest_is_first_whatever_the_ids(regular: User, login: Login) -> None:
    here, other = login(regular), login(regular)
    Session.objects.filter(pk=id_of(here)).update(created_at=timezone.now() + timedelta(seconds=1))

    results = here.get("/auth/sessions").json()["results"]

    assert [session["id"] for session in results] == [id_of(here), id_of(other)]


@pytest.mark.parametrize(
    ("query", "faults"),
    [("page=0", {"page": "invalid"}), ("page=", {"page": "blank"}),
     ("page_size=101", {"page_size": "invalid"}), ("page=1&page=1", {"page": "invalid"}),
     ("ordering=id", {"ordering": "unknown_parameter"}), ("include=user",
     {"include": "unknown_parameter"}), ("user=1", {"user": "unknown_parameter"})],
)  # fmt: skip
def test_list_takes_pages_and_nothing_else(
    as_regular: APIClient, query: str, faults: dict[str, str]
) -> None:
    assert codes(as_regular.get(f"/auth/sessions?{query}")) == faults


def test_page_past_the_end_is_404(as_regular: APIClient) -> None:
    assert as_regular.get("/auth/sessions?page=2").status_code == 404


# Ending one


def test_ends_the_one_named_at_once_and_no_other(
    regular: User, stranger: User, login: Login
) -> None:
    here, there, third, bystander = (login(u) for u in (regular, regular, regular, stranger))

    answer = here.delete(f"/auth/sessions/{id_of(there)}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [is_dead(client) for client in (here, there, third, bystander)] == [
        False, True, False, False,
    ]  # fmt: skip


def test_ends_the_current_one_like_logging_out(regular: User, login: Login) -> None:
    here, there = login(regular), login(regular)

    assert here.delete(f"/auth/sessions/{id_of(here)}/").status_code == 204

    assert here.get("/auth/sessions").json()["code"] == "token_not_valid"
    assert (is_dead(here), is_dead(there)) == (True, False)


def test_ends_a_log_in_to_the_operators_site(
    administrator: User, as_administrator: APIClient
) -> None:
    browser = enter(administrator)
    session = Session.objects.latest("pk")
    assert is_in(browser)

    assert as_administrator.delete(f"/auth/sessions/{session.pk}").status_code == 204

    assert not is_in(browser)


@pytest.mark.parametrize("who", ["as_regular", "as_administrator"])
def test_tells_nothing_of_ids_that_are_not_the_callers(
    who: str, stranger: User, login: Login, request: pytest.FixtureRequest
) -> None:
    client: APIClient = request.getfixturevalue(who)
    user = Session.objects.get().user
    theirs, over, ended = login(stranger), login(user), login(user)
    expire(id_of(over))
    client.delete(f"/auth/sessions/{id_of(ended)}")
    before = stored()

    answers = [
        client.delete(f"/auth/sessions/{number}", headers={"X-Request-ID": "same"})
        for number in (id_of(theirs), id_of(over), id_of(ended), 2**62, 2**63 - 1)
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert stored() == before


def test_a_second_time_is_404(regular: User, login: Login) -> None:
    here, there = login(regular), login(regular)
    path = f"/auth/sessions/{id_of(there)}"

    assert [here.delete(path).status_code for _ in range(2)] == [204, 404]


# Ending the others


def test_ends_all_but_the_current_one(administrator: User, stranger: User, login: Login) -> None:
    here, there, third, bystander = (
        login(user) for user in (administrator, administrator, administrator, stranger)
    )
    browser = enter(administrator)

    answer = here.delete("/auth/sessions")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [is_dead(client) for client in (here, there, third, bystander)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not is_in(browser)
    assert [row["id"] for row in here.get("/auth/sessions").json()["results"]] == [id_of(here)]


def test_is_content_where_there_is_no_other(as_regular: APIClient) -> None:
    assert [as_regular.delete("/auth/sessions").status_code for _ in range(2)] == [204, 204]
    assert Session.objects.count() == 1


# Refusals of both


@pytest.mark.parametrize("path", ["/auth/sessions", "/auth/sessions/{there}"])
@pytest.mark.parametrize(
    ("query", "media", "body", "status", "faults"),
    [
        ("", "application/json", '{"all": true}', 400, {"#/all": "unknown_field"}),
        ("", "application/json", '{"id": 1, "x": 2}', 400,
         {"#/id": "unknown_field", "#/x": "unknown_field"}),
        ("", "application/json", "[]", 400, {"#": "parse_error"}),
        ("", "application/json", "{", 400, {"#": "parse_error"}),
        ("?all=1", "application/json", '{"x": 2}', 400,
         {"all": "unknown_parameter", "#/x": "unknown_field"}),
        ("?all=1", "application/json", "{", 400,
         {"all": "unknown_parameter", "#": "parse_error"}),
        ("?page=1", "application/json", "", 400, {"page": "unknown_parameter"}),
        ("?all=1", "text/plain", "x", 415, None),
        ("", "application/x-www-form-urlencoded", "all=1", 415, None),
        ("", "application/json", '"' + "x" * 2**20 + '"', 413, None),
    ],
)  # fmt: skip
def test_takes_no_body_and_no_parameter_and_ends_nothing_then(
    path: str,
    query: str,
    media: str,
    body: str,
    status: int,
    faults: dict[str, str] | None,
    regular: User,
    login: Login,
) -> None:
    here, there = login(regular), login(regular)
    before = stored()

    answer = send(here, "DELETE", path.format(there=id_of(there)) + query, body, content_type=media)

    assert answer.status_code == status
    assert faults is None or codes(answer) == faults
    assert stored() == before


def test_empty_object_is_no_body(regular: User, login: Login) -> None:
    here, there = login(regular), login(regular)

    assert here.delete(f"/auth/sessions/{id_of(there)}", {}).status_code == 204
    assert here.delete("/auth/sessions", {}).status_code == 204


# 404 path > 405 > 401 > 404 row > 415/413/400: each request has all later faults
@pytest.mark.parametrize(
    ("who", "method", "path", "media", "status"),
    [
        ("nobody", "PUT", "/auth/sessions/01?x=1", "text/x", 404),
        ("nobody", "GET", "/auth/sessions/{missing}?x=1", "text/x", 405),
        ("regular", "POST", "/auth/sessions?x=1", "text/x", 405),
        ("nobody", "DELETE", "/auth/sessions/{missing}?x=1", "text/x", 401),
        ("nobody", "DELETE", "/auth/sessions?x=1", "text/x", 401),
        ("regular", "DELETE", "/auth/sessions/{missing}?x=1", "text/x", 404),
        ("regular", "DELETE", "/auth/sessions/{own}?x=1", "text/x", 415),
        ("regular", "DELETE", "/auth/sessions/{own}?x=1", "application/json", 400),
    ],
)
def test_refuses_in_the_contracts_order(
    who: str,
    method: str,
    path: str,
    media: str,
    status: int,
    as_regular: APIClient,
    anonymous: APIClient,
) -> None:
    client = as_regular if who == "regular" else anonymous
    target = path.format(missing=2**62, own=id_of(as_regular))

    answer = send(client, method, target, "{", content_type=media)

    assert answer.status_code == status
    assert not is_dead(as_regular)
