"""What holds when many do the same at once: threads against the running server."""

import secrets
import unicodedata
from functools import partial
from typing import Any

import pytest

from tests.live.conftest import PASSWORD, ROOT, Service, at_once

pytestmark = pytest.mark.xdist_group("live")


def test_of_twenty_equal_posts_one_creates(service: Service, root: str) -> None:
    name, client = secrets.token_hex(6), service.create_client(root)
    spellings = [f"{name}@example.com", f"{name.upper()}@Example.COM"]
    calls = [
        partial(
            service.call,
            "POST",
            "/users",
            {"name": "N", "email": email, "client_id": client, "password": PASSWORD},
            token=root,
        )
        for email in spellings * 10
    ]

    answers = at_once(*calls)

    assert sorted(answer.status for answer in answers) == [201] + [400] * 19
    refused = [answer.json["errors"] for answer in answers if answer.status == 400]
    assert {(error["pointer"], error["code"]) for errors in refused for error in errors} == {
        ("#/email", "unique")
    }
    found = service.call("GET", f"/users?email={name}@example.com", token=root).json
    assert found["count"] == 1


@pytest.mark.parametrize("word", ["Client", "École", "\u017fum", "\u212aelvin"])
def test_of_twenty_equal_clients_one_is_created(service: Service, root: str, word: str) -> None:
    name = f"{word} {secrets.token_hex(6)}"
    calls = [
        partial(service.call, "POST", "/clients", {"name": spelling}, token=root)
        for spelling in [name, unicodedata.normalize("NFKC", name).upper()] * 10
    ]

    answers = at_once(*calls)

    assert sorted(answer.status for answer in answers) == [201] + [400] * 19


def test_parallel_refreshes_of_one_token_rotate_once(service: Service, root: str) -> None:
    email = service.create_user(root, client_id=service.create_client(root))["email"]
    for _ in range(15):
        spent = service.log_in(email)["refresh"]

        answers = at_once(*[partial(service.call, "POST", "/auth/refresh", {"refresh": spent})] * 8)

        assert {answer.status for answer in answers} == {200}
        present = {answer.json["refresh"] for answer in answers}
        assert len(present) == 1
        assert spent not in present


@pytest.fixture
def alone(service: Service, root: str) -> str:
    """Return the token of ROOT, the only administrator, whoever else was made by other tests."""
    found = service.call("GET", "/users?role=administrator&active=true&page_size=100", token=root)
    for user in found.json["results"]:
        if user["email"] != ROOT:
            off = service.call("PUT", f"/users/{user['id']}", {"active": False}, token=root)
            assert off.status == 200, off.body
    return root


@pytest.mark.parametrize("change", [{"active": False}, {"client_id": 0}])
def test_two_administrators_who_end_each_other_leave_one(
    service: Service, alone: str, change: dict[str, object]
) -> None:
    client = service.create_client(alone)
    change = {"client_id": client} if "client_id" in change else change
    back = {"client_id": None} if "client_id" in change else {"active": True}
    first: dict[str, Any] = {"id": 1, "email": ROOT}
    second = service.create_user(alone, client_id=None)
    for _ in range(50):
        tokens = [service.log_in(user["email"])["access"] for user in (first, second)]

        answers = at_once(
            partial(service.call, "PUT", f"/users/{second['id']}", change, token=tokens[0]),
            partial(service.call, "PUT", f"/users/{first['id']}", change, token=tokens[1]),
        )

        statuses = [answer.status for answer in answers]
        assert statuses.count(200) == 1, statuses
        assert set(statuses) <= {200, 401, 409}
        winner = 0 if statuses[0] == 200 else 1
        loser = (second, first)[winner]
        restored = service.call("PUT", f"/users/{loser['id']}", back, token=tokens[winner])
        assert restored.status == 200, restored.body
    service.call(
        "PUT", f"/users/{second['id']}", {"active": False}, token=service.log_in()["access"]
    )


def test_deactivating_oneself_and_the_other_at_once_leaves_one(
    service: Service, alone: str
) -> None:
    other = service.create_user(alone, client_id=None)
    for _ in range(20):
        token = service.log_in()["access"]
        off = {"active": False}
        before = [1, other["id"]]

        answers = at_once(
            partial(service.call, "PUT", "/users/1", off, token=token),
            partial(service.call, "PUT", f"/users/{other['id']}", off, token=token),
        )

        statuses = [answer.status for answer in answers]
        assert statuses.count(200) == 1, statuses
        remaining = ROOT if statuses[0] != 200 else other["email"]
        gone = before[statuses.index(200)]
        rescue = service.log_in(remaining)["access"]
        assert service.call("PUT", f"/users/{gone}", {"active": True}, token=rescue).status == 200
    token = service.log_in()["access"]
    service.call("PUT", f"/users/{other['id']}", {"active": False}, token=token)


def test_parallel_puts_never_mix_two_bodies(service: Service, root: str) -> None:
    user = service.create_user(root, client_id=service.create_client(root))
    bodies = [
        {"name": f"Name {side}", "email": f"{side}-{secrets.token_hex(6)}@example.com"}
        for side in "ab"
    ]

    answers = at_once(
        *[
            partial(service.call, "PUT", f"/users/{user['id']}", body, token=root)
            for body in bodies * 25
        ]
    )

    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        assert {key: answer.json[key] for key in ("name", "email")} in bodies
    stored = service.call("GET", f"/users/{user['id']}", token=root).json
    assert {key: stored[key] for key in ("name", "email")} in bodies


def test_of_two_puts_with_one_etag_one_wins(service: Service, root: str) -> None:
    path = f"/users/{service.create_user(root, client_id=service.create_client(root))['id']}"
    for turn in range(20):
        etag = service.call("GET", path, token=root).headers["ETag"]

        answers = at_once(
            *[
                partial(
                    service.call, "PUT", path, {"name": f"{turn} {n}"}, token=root, If_Match=etag
                )
                for n in range(4)
            ]
        )

        assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
        winner = next(answer for answer in answers if answer.status == 200)
        assert service.call("GET", path, token=root).json == winner.json


def test_no_token_survives_a_deactivation_that_races_its_issue(service: Service, root: str) -> None:
    client = service.create_client(root)
    user = service.create_user(root, client_id=client)
    credentials = {"email": user["email"], "password": PASSWORD}
    ways = [f"/users/{user['id']}", f"/clients/{client}"]
    ever_issued: list[str] = []
    for turn in range(50):
        refresh = service.log_in(user["email"])["refresh"]
        switch = partial(service.call, "PUT", ways[turn % 2], token=root)

        answers = at_once(
            partial(switch, {"active": False}),
            partial(service.call, "POST", "/auth/refresh", {"refresh": refresh}),
            partial(service.call, "POST", "/auth/login", credentials),
        )

        assert answers[0].status == 200
        assert {answer.status for answer in answers[1:]} <= {200, 401}
        issued = [answer.json["access"] for answer in answers[1:] if answer.status == 200]
        ever_issued += issued
        used = [service.call("GET", "/users/current", token=token).status for token in issued]
        assert set(used) <= {401}
        assert switch({"active": True}).status == 200
        used = [service.call("GET", "/users/current", token=token).status for token in issued]
        assert set(used) <= {401}
    assert ever_issued  # some were faster than the deactivation


def test_a_login_that_races_a_new_password_is_no_way_in(service: Service, root: str) -> None:
    user = service.create_user(root, client_id=service.create_client(root))
    passwords = [PASSWORD, "another long passphrase"]
    for turn in range(20):
        old, new = passwords[turn % 2], passwords[(turn + 1) % 2]

        answers = at_once(
            partial(service.call, "PUT", f"/users/{user['id']}", {"password": new}, token=root),
            *[
                partial(
                    service.call, "POST", "/auth/login", {"email": user["email"], "password": old}
                )
            ]
            * 3,
        )

        assert answers[0].status == 200
        issued = [answer.json["access"] for answer in answers[1:] if answer.status == 200]
        used = [service.call("GET", "/users/current", token=token).status for token in issued]
        assert set(used) <= {401}


def test_logins_of_one_user_at_once_all_succeed(service: Service, root: str) -> None:
    credentials = {
        "email": service.create_user(root, client_id=service.create_client(root))["email"],
        "password": PASSWORD,
    }

    answers = at_once(*[partial(service.call, "POST", "/auth/login", credentials)] * 20)

    assert {answer.status for answer in answers} == {200}
