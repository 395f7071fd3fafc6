"""POST /auth/logout."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.conftest import Login, codes
from tests.sending import send
from tests.users.auth.calls import current, logout, refresh
from users.models import Session, User


def test_ends_this_session_at_once_and_no_other(regular: User, login: Login) -> None:
    here: Any = login(regular)
    elsewhere: Any = login(regular)

    answer = here.post("/auth/logout")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Cache-Control"] == "no-store"
    assert current(here.tokens["access"]).status_code == 401
    assert refresh(here.tokens["refresh"]).status_code == 401
    assert current(elsewhere.tokens["access"]).status_code == 200
    assert refresh(elsewhere.tokens["refresh"]).status_code == 200


def test_ends_every_access_token_of_the_session(as_regular: Any) -> None:
    renewed = refresh(as_regular.tokens["refresh"]).json()

    assert logout(as_regular.tokens["access"]).status_code == 204

    for tokens in (as_regular.tokens, renewed):
        assert current(tokens["access"]).status_code == 401
        assert refresh(tokens["refresh"]).status_code == 401


def test_second_time_is_refused(as_regular: Any) -> None:
    assert as_regular.post("/auth/logout/").status_code == 204
    answer = as_regular.post("/auth/logout")

    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"


def test_login_after_it_is_a_new_session(as_regular: Any, regular: User, login: Login) -> None:
    as_regular.post("/auth/logout")
    again: Any = login(regular)

    assert current(again.tokens["access"]).status_code == 200
    assert current(as_regular.tokens["access"]).status_code == 401


def test_without_token_is_refused(db: None) -> None:
    answer = APIClient().post("/auth/logout")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("field", ["refresh", "all", "sid", "session", "user_id"])
def test_takes_no_field_and_ends_nothing_then(
    as_regular: Any, stranger: User, login: Login, field: str
) -> None:
    theirs: Any = login(stranger)

    answer = as_regular.post("/auth/logout", {field: theirs.tokens["refresh"]})

    assert codes(answer) == {f"#/{field}": "unknown_field"}
    assert theirs.tokens["refresh"] not in answer.content.decode()
    for tokens in (as_regular.tokens, theirs.tokens):
        assert current(tokens["access"]).status_code == 200
        assert refresh(tokens["refresh"]).status_code == 200


def test_takes_no_parameter(as_regular: Any) -> None:
    assert codes(as_regular.post("/auth/logout?all=1")) == {"all": "unknown_parameter"}
    assert Session.objects.count() == 1


def test_tells_all_that_is_wrong_at_once(as_regular: APIClient) -> None:
    answer = send(as_regular, "POST", "/auth/logout?all=1", "{")

    assert codes(answer) == {"all": "unknown_parameter", "#": "parse_error"}
    assert Session.objects.count() == 1


def test_empty_object_is_no_body(as_regular: Any) -> None:
    assert as_regular.post("/auth/logout", {}).status_code == 204
