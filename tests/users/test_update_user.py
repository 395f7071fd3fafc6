"""PUT and PATCH /users/:id."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from tests.conftest import Login, codes
from tests.factories import PASSWORD, AdministratorFactory, ClientFactory, UserFactory, as_row
from tests.sending import send
from users.models import Session, User

NEW_PASSWORD = "an entirely new sentence"

# Each field with a value that differs; `+` with the right current_password, `!` with a wrong one.
FIELDS_BY_WHO = """
field       administrator-other  administrator-self  regular-self
name        200                  200                 200
name+       200                  200                 200
name!       200                  200                 200
email       200                  400:required        400:required
email+      200                  200                 200
email!      200                  400:incorrect       400:incorrect
password    200                  400:required        400:required
password+   200                  200                 200
password!   200                  400:incorrect       400:incorrect
client_id   200                  200                 403
client_id+  200                  200                 403
client_id!  200                  200                 403
active      200                  200                 403
active+     200                  200                 403
active!     200                  200                 403
"""


def read_table(text: str) -> list[tuple[str, str, str]]:
    """Return each `(field, who, outcome)`."""
    head, *lines = text.strip().splitlines()
    whos = head.split()[1:]
    return [
        (field, who, outcome)
        for field, *outcomes in map(str.split, lines)
        for who, outcome in zip(whos, outcomes, strict=True)
    ]


@pytest.mark.parametrize(("field", "who", "outcome"), read_table(FIELDS_BY_WHO))
def test_fields_are_whose_the_table_says(
    field: str,
    who: str,
    outcome: str,
    administrator: User,
    regular: User,
    globex: Client,
    login: Login,
) -> None:
    AdministratorFactory()  # so that nobody here is the last
    actor = regular if who == "regular-self" else administrator
    target = regular if who == "administrator-other" else actor
    name = field.rstrip("+!")
    value = {"name": "New", "email": "new@example.com", "password": NEW_PASSWORD, "active": False}
    body: dict[str, Any] = {name: value.get(name, globex.pk)}
    if field != name:
        body["current_password"] = PASSWORD if field.endswith("+") else "wrong"
    client = login(actor)
    before = as_row(target)

    answer = client.put(f"/users/{target.pk}", body)

    status, _, code = outcome.partition(":")
    assert answer.status_code == int(status), answer.content
    assert (as_row(target) != before) == (status == "200")
    if code:
        assert codes(answer) == {"#/current_password": code}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_answers_the_user_as_saved(
    method: str, as_administrator: APIClient, regular: User, globex: Client
) -> None:
    before = as_row(regular)

    answer = getattr(as_administrator, method)(
        f"/users/{regular.pk}", {"name": " Rita Ray ", "email": "RAY@x.org", "client_id": globex.pk}
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "id": regular.pk,
        "name": "Rita Ray",
        "email": "ray@x.org",
        "client": {"id": globex.pk, "name": "Globex"},
    }
    after = as_row(regular)
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"name", "email", "client_id", "updated_at"}


@pytest.mark.parametrize("body", [b"", b"{}"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_nothing_sent_changes_nothing(
    method: str, body: bytes, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)

    answer = send(as_regular, method, f"/users/{regular.pk}", body)

    assert answer.status_code == 200
    assert answer.json()["id"] == regular.pk
    assert as_row(regular) == before


def test_absent_client_never_makes_an_administrator(as_regular: APIClient, regular: User) -> None:
    answer = as_regular.put(f"/users/{regular.pk}", {"name": "Renamed"})

    assert answer.status_code == 200
    assert as_row(regular)["client_id"] == regular.client_id
    assert as_regular.get("/users").status_code == 403


OTHER_CLIENTS = ["null", "0", "-1", '""', '"null"', "[]", "{}", "false", "1e0", "true", "1.0"]


@pytest.mark.parametrize("value", OTHER_CLIENTS)
def test_regular_user_never_changes_their_client(
    value: str, as_regular: APIClient, regular: User, globex: Client
) -> None:
    before = as_row(regular)
    for given in (value, str(globex.pk), f'"{regular.client_id}"', f"{regular.client_id}.0"):
        body = f'{{"name": "Not saved", "client_id": {given}}}'

        answer = send(as_regular, "PUT", f"/users/{regular.pk}", body)

        assert answer.status_code == 403, given
        assert answer.json()["detail"] == "You may not change client_id."
    assert as_row(regular) == before


@pytest.mark.parametrize("value", ["false", "null", "1", '"true"', '"false"', "[]", "{}", "1.0"])
def test_regular_user_never_changes_whether_they_are_active(
    value: str, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)
    body = f'{{"name": "Not saved", "active": {value}}}'

    answer = send(as_regular, "PUT", f"/users/{regular.pk}", body)

    assert answer.status_code == 403
    assert as_row(regular) == before


def test_regular_user_may_send_what_they_have(as_regular: APIClient, regular: User) -> None:
    body = {"client_id": regular.client_id, "active": True, "email": regular.email, "name": "New"}

    answer = as_regular.put(f"/users/{regular.pk}", body)

    assert answer.status_code == 200
    assert as_row(regular)["name"] == "New"


@pytest.mark.parametrize(
    "rest",
    [
        '"name": 5, "unknown": 1, "email": "no"',
        '"id": 0',
        '"password": "short"',
        '"email": "new@example.com", "current_password": "wrong"',
    ],
)
def test_forbidden_field_is_told_before_other_faults(
    rest: str, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)
    body = f'{{{rest}, "client_id": null}}'

    answer = send(as_regular, "PUT", f"/users/{regular.pk}?bogus=1&include=", body)

    assert answer.status_code == 403
    assert as_row(regular) == before


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b'{"client_id": null', "application/json", 400),
        (b'{"client_id": null, "client_id": null}', "application/json", 400),
        (b'{"client_id": null}', "text/plain", 415),
        (b"client_id=", "application/x-www-form-urlencoded", 415),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b'--x\r\nContent-Disposition: form-data; name="client_id"\r\n\r\n\r\n--x--\r\n',
         "multipart/form-data; boundary=x", 415),
        (b'{"client_id": null, "x": "' + b"x" * 2**20 + b'"}', "application/json", 413),
    ],
)  # fmt: skip
def test_unreadable_body_is_told_before_its_fields(
    body: bytes, media: str, status: int, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)

    answer = send(as_regular, "PUT", f"/users/{regular.pk}", body, content_type=media)

    assert answer.status_code == status
    assert as_row(regular) == before


@pytest.mark.parametrize("pair", ["{own}, null", "null, {own}", "{own}, {own}"])
def test_client_sent_twice_is_refused(
    pair: str, as_regular: APIClient, as_administrator: APIClient, regular: User
) -> None:
    before = as_row(regular)
    one, other = pair.format(own=regular.client_id).split(", ")
    body = f'{{"client_id": {one}, "client\\u005fid": {other}}}'
    for client in (as_regular, as_administrator):
        answer = send(client, "PUT", f"/users/{regular.pk}", body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "#"
    assert as_row(regular) == before


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        ("client_id", ["-1", "0", str(2**63), str(10**300)], "does_not_exist"),
        ("client_id", ["1.5", '"7"', "true", '""', "[]", "{}", "1e0"], "invalid"),
        ("active", ['"true"', '"no"', '"f"', "1", "0", "[]", "{}", '""'], "invalid"),
        ("active", ["null"], "null"),
        ("name", ["5", "true", "[]", "{}", "1.5"], "invalid"),
        ("name", ["null"], "null"),
        ("name", ['""', '"  "', '"\\u200b\\u2060"', '"\\u202e"'], "blank"),
        ("name", ['"a\\u0000"', '"a\\u0007b"', '"\\ud800"', '"a\\u0085b"', '"a\\u202eb"'],
         "invalid"),
        ("name", ['"' + "x" * 256 + '"'], "max_length"),
        ("email", ["5", "true", "[]", "{}", '"no"', '"a@b@c.de"', '"a b@x.org"', '"\\ud800@x.org"'],
         "invalid"),
        ("email", ["null"], "null"),
        ("email", ['""', '" "'], "blank"),
        ("password", ["5", "true", "[]", "{}"], "invalid"),
        ("password", ["null"], "null"),
        ("password_confirmation", ["5", "[]"], "invalid"),
        ("password_confirmation", ["null"], "null"),
    ],
)  # fmt: skip
def test_coerces_nothing(
    field: str, values: list[str], code: str, as_administrator: APIClient, regular: User
) -> None:
    before = as_row(regular)
    for value in values:
        answer = send(as_administrator, "PUT", f"/users/{regular.pk}", f'{{"{field}": {value}}}')

        assert codes(answer)[f"#/{field}"] == code, value
    assert as_row(regular) == before


@pytest.mark.parametrize(
    "different",
    ['"id": true', '"id": "{id}"', '"id": {id}.0', '"id": null', '"id": {id}e0', '"client": null',
     '"client": {{"id": {client}}}', '"client": {{"id": {client}.0, "name": "Acme"}}',
     '"client": {{"id": {client}, "name": "acme"}}', '"client": {client}', '"created_at": null',
     '"updated_at": "2020-01-01T00:00:00Z"', '"last_login_at": "2020-01-01T00:00:00Z"'],
)  # fmt: skip
def test_read_only_field_that_differs_is_refused(
    different: str, as_administrator: APIClient, regular: User
) -> None:
    before = as_row(regular)
    body = different.format(id=regular.pk, client=regular.client_id)

    answer = send(as_administrator, "PUT", f"/users/{regular.pk}", f'{{"name": "x", {body}}}')

    name = different.split('"')[1]
    assert codes(answer) == {f"#/{name}": "read_only"}
    assert answer.json()["code"] == "read_only"
    assert as_row(regular) == before


def test_id_of_another_changes_neither(
    as_regular: APIClient, regular: User, stranger: User
) -> None:
    before = [as_row(regular), as_row(stranger)]

    answer = as_regular.put(f"/users/{regular.pk}", {"id": stranger.pk, "name": "Taken over"})

    assert codes(answer) == {"#/id": "read_only"}
    assert [as_row(regular), as_row(stranger)] == before


@pytest.mark.parametrize(
    "include",
    ["", "?include=active", "?include=created_at,updated_at,last_login_at",
     "?include=last_login_at,active,updated_at,created_at"],
)  # fmt: skip
@pytest.mark.parametrize("who", ["administrator", "regular"])
def test_what_get_answers_can_be_put_back(
    who: str, include: str, login: Login, regular: User, administrator: User
) -> None:
    client = login(regular if who == "regular" else administrator)
    path = f"/users/{regular.pk}{include}"
    got = client.get(path)
    before = as_row(regular)

    answer = client.put(path, got.json(), headers={"If-Match": got["ETag"]})

    assert answer.status_code == 200
    assert answer.json() == got.json()
    assert answer["ETag"] == got["ETag"]
    assert as_row(regular) == before


def test_unknown_fields_are_never_dropped_in_silence(
    as_administrator: APIClient, regular: User
) -> None:
    before = as_row(regular)
    names = ["is_admin", "is_superuser", "role", "clientId", "Name", "password_digest", "client.id"]

    answer = as_administrator.put(f"/users/{regular.pk}", {"name": "x"} | dict.fromkeys(names, 1))

    assert codes(answer) == {f"#/{name}": "unknown_field" for name in names}
    assert answer.json()["code"] == "unknown_field"
    assert as_row(regular) == before


def test_tells_all_faults_of_query_and_body_at_once(
    as_administrator: APIClient, regular: User
) -> None:
    body = {"name": "", "email": "no", "x": 1, "id": 0, "active": 1, "client_id": 2**62}

    answer = as_administrator.put(f"/users/{regular.pk}?include=password&y=1", body)

    assert codes(answer) == {
        "include": "invalid",
        "y": "unknown_parameter",
        "#/x": "unknown_field",
        "#/id": "read_only",
        "#/name": "blank",
        "#/email": "invalid",
        "#/active": "invalid",
        "#/client_id": "does_not_exist",
    }
    assert answer.json()["detail"] == "The request has 8 errors."


# Passwords and what guards them


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"password": NEW_PASSWORD, "password_confirmation": NEW_PASSWORD + " "},
         {"#/password_confirmation": "mismatch"}),
        ({"password": NEW_PASSWORD, "password_confirmation": NEW_PASSWORD.title()},
         {"#/password_confirmation": "mismatch"}),
        ({"password": NEW_PASSWORD, "password_confirmation": ""},
         {"#/password_confirmation": "mismatch"}),
        ({"password_confirmation": NEW_PASSWORD}, {"#/password": "required"}),
        ({"password": "short"}, {"#/password": "password_too_short"}),
        ({"password": " " * 15}, {"#/password": "blank"}),
        ({"password": "rita@example.com"}, {"#/password": "password_too_similar"}),
        ({"password": "x" * 129}, {"#/password": "max_length"}),
        ({"password": "x" * 100_000}, {"#/password": "max_length"}),
        ({"password": "administrator"}, {"#/password": "password_too_common"}),
    ],
)  # fmt: skip
def test_refuses_bad_passwords(
    body: dict[str, Any], expected: dict[str, str], as_administrator: APIClient, regular: User
) -> None:
    before = as_row(regular)

    answer = as_administrator.put(f"/users/{regular.pk}", body)

    assert codes(answer).items() >= expected.items()
    assert as_row(regular) == before


def test_confirmed_password_is_set(
    as_administrator: APIClient, regular: User, login: Login
) -> None:
    body = {"password": NEW_PASSWORD, "password_confirmation": NEW_PASSWORD}

    answer = as_administrator.put(f"/users/{regular.pk}", body)

    assert answer.status_code == 200
    login(regular, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("current", "code"),
    [(None, "null"), ("", "blank"), (5, "invalid"), (["x"], "invalid"), ("wrong", "incorrect"),
     (PASSWORD + " ", "incorrect"), ("x" * 5000, "max_length")],
)  # fmt: skip
def test_current_password_is_weighed_exactly(
    current: Any, code: str, as_regular: APIClient, regular: User
) -> None:
    before = as_row(regular)
    body = {"email": "new@example.com", "current_password": current}

    answer = as_regular.put(f"/users/{regular.pk}", body)

    assert codes(answer) == {"#/current_password": code}
    assert as_row(regular) == before


def test_own_email_in_another_spelling_needs_no_password(
    as_regular: APIClient, regular: User
) -> None:
    answer = as_regular.put(f"/users/{regular.pk}", {"email": " RITA@Example.COM "})

    assert answer.status_code == 200
    assert as_row(regular)["email"] == "rita@example.com"


@pytest.mark.parametrize("current", [{}, {"current_password": 5}, {"current_password": None}])
def test_current_password_is_ignored_where_nothing_needs_it(
    current: dict[str, Any], as_administrator: APIClient, administrator: User, regular: User
) -> None:
    other = as_administrator.put(f"/users/{regular.pk}", {"email": "n@example.com", **current})
    own = as_administrator.put(f"/users/{administrator.pk}", {"name": "New", **current})

    assert (other.status_code, own.status_code) == (200, 200)


def test_own_password_in_the_body_needs_the_present_one_even_if_equal(
    as_regular: APIClient, regular: User
) -> None:
    answer = as_regular.put(f"/users/{regular.pk}", {"password": PASSWORD})

    assert codes(answer) == {"#/current_password": "required"}


def test_taken_email_is_told_with_the_field_alone(
    as_regular: APIClient, regular: User, stranger: User
) -> None:
    before = as_row(regular)
    body = {"email": "STAN@example.com", "current_password": PASSWORD}

    answer = as_regular.put(f"/users/{regular.pk}", body)

    assert codes(answer) == {"#/email": "unique"}
    assert not any(word in answer.content.decode() for word in ("Stan", "Globex", "stan@"))
    assert as_row(regular) == before


def test_email_of_an_inactive_user_is_taken_too(
    as_administrator: APIClient, regular: User, inactive: User
) -> None:
    answer = as_administrator.put(f"/users/{regular.pk}", {"email": inactive.email.upper()})

    assert codes(answer) == {"#/email": "unique"}


# What a change does to sessions


@pytest.mark.parametrize(
    ("change", "ends"),
    [({"name": "New"}, False), ({"email": "new@example.com"}, False), ({"active": False}, True),
     ({"client_id": None}, True), ({"password": NEW_PASSWORD}, True), ({"active": True}, False)],
)  # fmt: skip
def test_change_ends_the_sessions_it_must(
    change: dict[str, Any], ends: bool, as_administrator: APIClient, regular: User, login: Login
) -> None:
    first, second = login(regular), login(regular)

    as_administrator.put(f"/users/{regular.pk}", change)

    expected = 401 if ends else 200
    assert first.get("/users/current").status_code == expected
    assert second.get("/users/current").status_code == expected
    assert Session.objects.filter(user=regular).count() == (0 if ends else 2)
    assert as_administrator.get("/users/current").status_code == 200


def test_own_new_password_ends_every_other_session(as_regular: APIClient, login: Login,
                                                   regular: User) -> None:  # fmt: skip
    other = login(regular)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}

    assert as_regular.put(f"/users/{regular.pk}", body).status_code == 200

    assert as_regular.get("/users/current").status_code == 200
    assert other.get("/users/current").status_code == 401


def test_activating_again_revives_no_session(
    as_administrator: APIClient, regular: User, as_regular: APIClient
) -> None:
    as_administrator.put(f"/users/{regular.pk}", {"active": False})
    as_administrator.put(f"/users/{regular.pk}", {"active": True})

    assert as_regular.get("/users/current").status_code == 401


# Entity tags and preconditions


def test_etag_changes_with_every_field(
    as_administrator: APIClient, regular: User, globex: Client
) -> None:
    path = f"/users/{regular.pk}"
    seen = [as_administrator.get(path)["ETag"]]
    changes: list[dict[str, Any]] = [
        {"name": "A"}, {"email": "a@example.com"}, {"client_id": globex.pk}, {"active": False},
        {"password": NEW_PASSWORD},
    ]  # fmt: skip
    for change in changes:
        answer = as_administrator.put(path, change)
        assert as_administrator.get(path)["ETag"] == answer["ETag"]
        seen.append(answer["ETag"])
    as_administrator.put(f"/clients/{globex.pk}", {"name": "Globex Corporation"})
    seen.append(as_administrator.get(path)["ETag"])

    assert len(set(seen)) == 7


def test_etag_stays_when_somebody_logs_in(
    as_administrator: APIClient, regular: User, login: Login
) -> None:
    before = as_administrator.get(f"/users/{regular.pk}")["ETag"]
    login(regular)

    assert as_administrator.get(f"/users/{regular.pk}")["ETag"] == before
    assert as_row(regular)["last_login_at"] is not None


@pytest.mark.parametrize(
    ("condition", "status"),
    [("{tag}", 200), ("*", 200), ('"x", {tag}', 200), ("{tag},", 200), (' {tag} ', 200),
     ("W/{tag}", 412), ('"stale"', 412), ('"a", "b"', 412), ("garbage", 412), ("", 412),
     ('"*"', 412), ("{bare}", 412), ('"', 412), ("*, *", 412)],
)  # fmt: skip
def test_if_match_is_compared_strongly(
    condition: str, status: int, as_administrator: APIClient, regular: User
) -> None:
    tag = as_administrator.get(f"/users/{regular.pk}")["ETag"]
    before = as_row(regular)
    headers = {"If-Match": condition.format(tag=tag, bare=tag.strip('"'))}

    answer = as_administrator.put(f"/users/{regular.pk}", {"name": "New"}, headers=headers)

    assert answer.status_code == status
    assert (as_row(regular) != before) == (status == 200)
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"
        assert "errors" not in answer.json()


def test_of_two_changes_on_the_same_etag_one_wins(
    as_administrator: APIClient, regular: User
) -> None:
    path = f"/users/{regular.pk}"
    headers = {"If-Match": as_administrator.get(path)["ETag"]}

    statuses = [
        as_administrator.put(path, {"name": name}, headers=headers).status_code
        for name in ("First", "Second")
    ]

    assert statuses == [200, 412]
    assert as_row(regular)["name"] == "First"


# The last administrator


@pytest.mark.parametrize("change", [{"active": False}, {"client_id": "acme"}])
def test_last_administrator_stays(
    change: dict[str, Any], as_administrator: APIClient, administrator: User, acme: Client
) -> None:
    AdministratorFactory(active=False)  # no help
    before = as_row(administrator)
    body = {"name": "Not saved", **change}
    if "client_id" in body:
        body["client_id"] = acme.pk

    answer = as_administrator.put(f"/users/{administrator.pk}", body)

    assert answer.status_code == 409
    assert answer.json()["code"] == "last_administrator"
    assert as_row(administrator) == before
    assert as_administrator.get("/users").status_code == 200


def test_last_one_left_cannot_go_after_the_other(
    as_administrator: APIClient, administrator: User, acme: Client
) -> None:
    other = AdministratorFactory()
    as_administrator.put(f"/users/{other.pk}", {"active": False})
    before = as_row(other)

    answers = [
        as_administrator.put(f"/users/{administrator.pk}", {"client_id": acme.pk}),
        as_administrator.put(f"/users/{administrator.pk}", {"client_id": acme.pk, "active": False}),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert as_row(other) == before


def test_administrators_may_go_while_one_stays(
    as_administrator: APIClient, administrator: User, acme: Client
) -> None:
    other = AdministratorFactory()

    assert as_administrator.put(f"/users/{other.pk}", {"client_id": acme.pk}).status_code == 200
    AdministratorFactory()
    answer = as_administrator.put(f"/users/{administrator.pk}", {"active": False})

    assert answer.status_code == 200
    assert as_administrator.get("/users/current").status_code == 401


# 404 path > 405 > 401 > 403 > 404 row > 415/413/400 > 412 > 409: each request has all later faults

LAST_FAULTS = {"active": False}  # of the last administrator: 409


@pytest.mark.parametrize(
    ("who", "method", "path", "media", "body", "tag", "status"),
    [
        ("nobody", "DELETE", "/users/01", "text/x", "{", '"stale"', 404),
        ("nobody", "DELETE", "/users/missing", "text/x", "{", '"stale"', 404),
        ("nobody", "DELETE", "/users/{missing}", "text/x", "{", '"stale"', 405),
        ("regular", "DELETE", "/users/{administrator}", "text/x", "{", '"stale"', 405),
        ("nobody", "PUT", "/users/{missing}?x=1", "text/x", "{", '"stale"', 401),
        ("regular", "PUT", "/users/{missing}?x=1", "text/x", "{", '"stale"', 403),
        ("administrator", "PUT", "/users/{missing}?x=1", "text/x", "{", '"stale"', 404),
        ("administrator", "PUT", "/users/{administrator}?x=1", "text/x", "{", '"stale"', 415),
        ("administrator", "PUT", "/users/{administrator}?x=1", "application/json", "huge",
         '"stale"', 413),
        ("administrator", "PUT", "/users/{administrator}?x=1", "application/json", "{",
         '"stale"', 400),
        ("administrator", "PUT", "/users/{administrator}?x=1", "application/json",
         '{"active": false}', '"stale"', 400),
        ("administrator", "PUT", "/users/{administrator}", "application/json",
         '{"active": false, "name": ""}', '"stale"', 400),
        ("administrator", "PUT", "/users/{administrator}", "application/json",
         '{"active": false}', '"stale"', 412),
        ("administrator", "PUT", "/users/{administrator}", "application/json",
         '{"active": false}', "*", 409),
        ("regular", "PUT", "/users/{regular}?x=1", "application/json",
         '{"active": false, "name": ""}', '"stale"', 403),
        ("administrator", "GET", "/users/{missing}?x=1", "text/x", "{", '"stale"', 404),
        ("administrator", "POST", "/users?x=1", "text/x", "{", '"stale"', 415),
        ("administrator", "POST", "/users?x=1", "application/json", "{", '"stale"', 400),
    ],
)  # fmt: skip
def test_refuses_in_the_contracts_order(
    who: str,
    method: str,
    path: str,
    media: str,
    body: str,
    tag: str,
    status: int,
    administrator: User,
    regular: User,
    login: Login,
    anonymous: APIClient,
) -> None:
    users = {"administrator": administrator, "regular": regular}
    client = login(users[who]) if who in users else anonymous
    ids = {name: user.pk for name, user in users.items()} | {"missing": 2**62}
    before = list(User.objects.order_by("pk").values())
    content = json.dumps({"x": "x" * 2**20}) if body == "huge" else body

    answer = send(
        client, method, path.format(**ids), content, content_type=media, headers={"If-Match": tag}
    )

    assert answer.status_code == status, answer.content
    assert list(User.objects.order_by("pk").values()) == before


def test_missing_row_is_not_found_whatever_the_body(as_administrator: APIClient) -> None:
    answer = send(as_administrator, "PUT", f"/users/{2**63 - 1}", b"{")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_administrator_moves_a_user_between_clients(
    as_administrator: APIClient, regular: User
) -> None:
    closed = ClientFactory(active=False)

    answer = as_administrator.put(f"/users/{regular.pk}", {"client_id": closed.pk})

    assert answer.status_code == 200
    assert answer.json()["client"] == {"id": closed.pk, "name": closed.name}


def test_user_named_current_changes_nothing(as_administrator: APIClient, acme: Client) -> None:
    UserFactory(name="current", client=acme)

    answer = as_administrator.get("/users/current")

    assert answer.json()["name"] == "Ada Lovelace"
