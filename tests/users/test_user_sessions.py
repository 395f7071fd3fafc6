"""/users/:id/sessions: where a user is logged in, for administrators."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.admin_site import enter, is_in
from tests.conftest import Login, codes
from tests.factories import as_row
from tests.sending import send
from tests.users.auth.calls import id_of, is_dead, stored
from users.models import Session, User


def listed(answer: Any) -> list[tuple[int, bool]]:
    """Return the id of each session and whether it is the current one."""
    assert answer.status_code == 200, answer.content
    return [(session["id"], session["current"]) for session in answer.json()["results"]]


def test_lists_the_users_own_alone_newest_first(
    as_administrator: APIClient, regular: User, stranger: User, login: Login
) -> None:
    phone, _, tablet = login(regular), login(stranger), login(regular)

    answer = as_administrator.get(f"/users/{regular.pk}/sessions")

    assert listed(answer) == [(id_of(tablet), False), (id_of(phone), False)]
    assert list(answer.json()) == ["count", "next", "previous", "results"]
    assert list(answer.json()["results"][0]) == [
        "id", "created_at", "last_used_at", "address", "user_agent", "current",
    ]  # fmt: skip


def test_shows_what_the_user_sees(as_administrator: APIClient, regular: User, login: Login) -> None:
    phone = login(regular)

    (own,) = phone.get("/auth/sessions").json()["results"]
    (seen,) = as_administrator.get(f"/users/{regular.pk}/sessions").json()["results"]

    assert (own["current"], seen["current"]) == (True, False)
    assert {**own, "current": False} == seen


def test_marks_the_callers_own_session(
    as_administrator: APIClient, administrator: User, login: Login
) -> None:
    other = login(administrator)

    answer = as_administrator.get(f"/users/{administrator.pk}/sessions")

    assert listed(answer) == [(id_of(other), False), (id_of(as_administrator), True)]


def test_shows_none_that_is_over(as_administrator: APIClient, regular: User, login: Login) -> None:
    login(regular)
    past = timezone.now() - timedelta(hours=1)
    Session.objects.filter(user=regular).update(refreshed_at=past, expires_at=timezone.now())

    answer = as_administrator.get(f"/users/{regular.pk}/sessions")

    assert (answer.json()["count"], listed(answer)) == (0, [])


def test_who_never_logged_in_has_none(as_administrator: APIClient, inactive: User) -> None:
    answer = as_administrator.get(f"/users/{inactive.pk}/sessions")

    assert listed(answer) == []
    assert as_administrator.delete(f"/users/{inactive.pk}/sessions").status_code == 204


def test_is_paged_like_every_list(as_administrator: APIClient, regular: User, login: Login) -> None:
    clients = [login(regular) for _ in range(3)]
    path = f"/users/{regular.pk}/sessions"

    answer = as_administrator.get(f"{path}?page_size=2")

    assert [number for number, _ in listed(answer)] == [id_of(clients[2]), id_of(clients[1])]
    assert answer.json()["next"] == f"http://testserver{path}?page_size=2&page=2"
    assert f'<{answer.json()["next"]}>; rel="next"' in answer["Link"]
    assert as_administrator.get(f"{path}?page=9").status_code == 404


@pytest.mark.parametrize("query", ["user=1", "ordering=id", "include=user"])
def test_list_takes_pages_and_nothing_else(
    as_administrator: APIClient, regular: User, query: str
) -> None:
    answer = as_administrator.get(f"/users/{regular.pk}/sessions?{query}")

    assert codes(answer) == {query.partition("=")[0]: "unknown_parameter"}


def test_ends_all_of_the_users_at_once_and_nobody_elses(
    as_administrator: APIClient, regular: User, stranger: User, login: Login
) -> None:
    phone, tablet, bystander = login(regular), login(regular), login(stranger)
    before = as_row(regular)

    answer = as_administrator.delete(f"/users/{regular.pk}/sessions")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [is_dead(client) for client in (phone, tablet, bystander, as_administrator)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert as_row(regular) == before
    assert not is_dead(login(regular))


def test_ends_the_callers_own_current_one_too(
    as_administrator: APIClient, administrator: User, login: Login
) -> None:
    other, browser = login(administrator), enter(administrator)

    assert as_administrator.delete(f"/users/{administrator.pk}/sessions").status_code == 204

    assert (is_dead(as_administrator), is_dead(other), is_in(browser)) == (True, True, False)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_regular_users_are_refused_alike_for_every_id(
    method: str, as_regular: APIClient, regular: User, stranger: User, administrator: User
) -> None:
    before = stored()

    answers = [
        send(as_regular, method, f"/users/{number}/sessions{query}", "{", content_type=media,
             headers={"X-Request-ID": "same"})
        for number in (regular.pk, stranger.pk, administrator.pk, 2**62)
        for query in ("", "?page=0")
        for media in ("application/json", "text/x")
    ]  # fmt: skip

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert stored() == before


@pytest.mark.parametrize(
    ("method", "query", "media", "body", "status", "faults"),
    [
        ("DELETE", "", "application/json", '{"all": 1}', 400, {"#/all": "unknown_field"}),
        ("DELETE", "?but=1", "application/json", "[]", 400,
         {"but": "unknown_parameter", "#": "parse_error"}),
        ("DELETE", "?but=1", "text/plain", "x", 415, None),
        ("GET", "?page_size=0", "application/json", "", 400, {"page_size": "invalid"}),
    ],
)  # fmt: skip
def test_a_missing_user_comes_before_what_else_is_wrong(
    method: str,
    query: str,
    media: str,
    body: str,
    status: int,
    faults: dict[str, str] | None,
    as_administrator: APIClient,
    regular: User,
    login: Login,
) -> None:
    login(regular)
    before = stored()

    there, missing = (
        send(as_administrator, method, f"/users/{number}/sessions{query}", body, content_type=media)
        for number in (regular.pk, 2**62)
    )

    assert (there.status_code, missing.status_code) == (status, 404)
    assert faults is None or codes(there) == faults
    assert stored() == before
