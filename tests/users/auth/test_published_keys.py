"""What other services can tell of an access token from /.well-known/jwks.json alone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet
from pytest_django import Settings
from rest_framework.test import APIClient

from config.signing_keys import KeyDirectory
from tests.conftest import Login
from tests.users.auth.calls import claims_of, current, forge, refresh
from tests.users.auth.conftest import START, Clock
from users.models import User

PATH = "/.well-known/jwks.json"
HOUR = 60 * 60
LIFETIME = 15 * 60
STRAGGLING = 60
EXPECTED = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": "roster"},
    aud={"essential": True, "value": "roster"},
    typ={"essential": True, "value": "access"},
    sub={"essential": True},
    sid={"essential": True},
    jti={"essential": True},
    iat={"essential": True},
    exp={"essential": True},
)


def published() -> Any:
    """Return the key set as anybody can read it."""
    return APIClient().get(PATH).json()


def verify_elsewhere(token: str, keys: Any) -> dict[str, Any]:
    """Return the claims as another service, with another library, checks them by the keys alone."""
    decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])
    EXPECTED.validate(decoded.claims)
    return decoded.claims


@pytest.fixture
def ring(clock: Clock, settings: Settings, tmp_path: Path) -> KeyDirectory:
    """Let the service have keys that can be rotated, and time stand."""
    keys = KeyDirectory(tmp_path / "signing_keys", lifetime=LIFETIME)
    settings.SIGNING_KEYS = keys
    return keys


def access_of(client: Any) -> str:
    return str(client.tokens["access"])


def test_published_are_public_members_alone(ring: KeyDirectory) -> None:
    ring.rotate(overlap=HOUR)

    answer = APIClient().get(PATH)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert set(answer.json()) == {"keys"}
    members = {"kty", "n", "e", "kid", "use", "alg"}
    assert [set(key) for key in answer.json()["keys"]] == [members] * 2
    assert len({key["kid"] for key in answer.json()["keys"]}) == 2


def test_keys_may_be_kept_for_less_than_a_new_one_waits(anonymous: APIClient) -> None:
    assert anonymous.get(PATH)["Cache-Control"] == "public, max-age=300"
    assert anonymous.get(f"{PATH}?x=1")["Cache-Control"] == "no-store"
    assert anonymous.post(PATH)["Cache-Control"] == "no-store"


def test_nobody_needs_a_token_or_the_database(anonymous: APIClient, db: None) -> None:
    with CaptureQueriesContext(connection) as seen:
        answers: list[Any] = [
            anonymous.get(PATH),
            anonymous.get(PATH, HTTP_AUTHORIZATION="Bearer x"),
            anonymous.head(PATH),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].content == answers[1].content
    assert "Set-Cookie" not in answers[0]
    assert len(seen) == 0


def test_another_library_believes_a_token_by_the_published_keys_alone(as_regular: Any) -> None:
    token = access_of(as_regular)

    assert verify_elsewhere(token, published()) == claims_of(token)


@pytest.mark.parametrize("edit", [{"sub": "1"}, {"exp": 4_000_000_000}, {"aud": "other"}])
def test_another_library_refuses_what_was_edited(as_regular: Any, edit: dict[str, Any]) -> None:
    token = access_of(as_regular)
    edited = forge({**claims_of(token), **edit}).split(".")[1]
    header, _, signature = token.split(".")

    with pytest.raises(BadSignatureError):
        verify_elsewhere(f"{header}.{edited}.{signature}", published())


def test_another_library_refuses_a_refresh_token(as_regular: Any) -> None:
    with pytest.raises((JoseError, ValueError)):
        verify_elsewhere(as_regular.tokens["refresh"], published())


def test_tokens_before_and_after_a_rotation_are_believed_here_and_elsewhere(
    clock: Clock, ring: KeyDirectory, regular: User, login: Login
) -> None:
    kept_before = published()
    before = access_of(login(regular))
    new, _ = ring.rotate(overlap=HOUR)
    kept = published()

    assert verify_elsewhere(before, kept_before) == verify_elsewhere(before, kept)
    clock.at(seconds=HOUR - 1)
    last = access_of(login(regular))
    clock.at(seconds=HOUR)
    first = access_of(login(regular))

    for token, keys in ((last, kept_before), (last, kept), (first, kept), (first, published())):
        assert verify_elsewhere(token, keys)["sub"] == str(regular.pk)
        assert current(token).status_code == 200
    with pytest.raises((JoseError, ValueError)):
        verify_elsewhere(first, kept_before)
    assert new.kid in {key["kid"] for key in kept["keys"]}


def test_no_token_is_lost_over_many_rotations(
    clock: Clock, ring: KeyDirectory, regular: User, login: Login
) -> None:
    """A service reads the keys every 300 s; each token must be good until it expires."""
    client: Any = login(regular)
    tokens: list[str] = []
    kept, renewed = published(), client.tokens["refresh"]
    for second in range(0, 3 * HOUR, 300):
        clock.at(seconds=second)
        if second % HOUR == 0:
            ring.rotate(overlap=600)
        renewed, access = (answer := refresh(renewed).json())["refresh"], answer["access"]
        tokens = [*tokens, access][-3:]  # of the last 15 minutes

        for token in tokens:
            assert current(token).status_code == 200
            assert verify_elsewhere(token, kept)
        kept = published()

    assert len({key["kid"] for key in kept["keys"]}) <= 2


def test_token_of_a_retired_key_is_refused(
    clock: Clock, ring: KeyDirectory, regular: User, login: Login
) -> None:
    client: Any = login(regular)
    old, claims = ring.signing(), claims_of(access_of(client))
    new, _ = ring.rotate(overlap=HOUR)

    def token_of(key: Any) -> str:
        now = int((START + timedelta(seconds=seconds)).timestamp())
        header = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
        return forge({**claims, "iat": now, "exp": now + 60}, header=header, key=key.private)

    statuses = {}
    for seconds in (HOUR + LIFETIME + STRAGGLING - 1, HOUR + LIFETIME + STRAGGLING):
        clock.at(seconds=seconds)
        statuses[seconds] = [current(token_of(key)).status_code for key in (old, new)]

    assert list(statuses.values()) == [[200, 200], [401, 200]]
    assert [key["kid"] for key in published()["keys"]] == [new.kid]


def test_a_leaked_key_is_refused_at_once_and_sessions_go_on(
    clock: Clock, ring: KeyDirectory, regular: User, login: Login
) -> None:
    client: Any = login(regular)
    leaked = ring.signing()

    ring.replace()

    forged = forge(
        claims_of(access_of(client)),
        header={"alg": "RS256", "kid": leaked.kid, "typ": "JWT"},
        key=leaked.private,
    )
    assert [current(token).status_code for token in (access_of(client), forged)] == [401, 401]
    assert leaked.kid not in {key["kid"] for key in published()["keys"]}
    assert current(refresh(client.tokens["refresh"]).json()["access"]).status_code == 200
