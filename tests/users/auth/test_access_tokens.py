"""Which access tokens are believed."""

import base64
import hashlib
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings as configured
from pytest_django import Settings
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from config.signing_keys import GivenKeys, new_pem, read_pems
from tests.conftest import Login
from tests.users.auth.calls import (
    HEADER,
    KEY,
    REFRESH_HEADER,
    REFRESH_KEY,
    claims_of,
    current,
    forge,
    logout,
    refresh,
    short,
    stored,
)
from tests.users.auth.conftest import START, Clock
from users.auth.tokens import access_token
from users.lifecycle import open_session
from users.models import Session, User


class Absent(Enum):
    """Stands for a claim that is not there; its name is the same in every process."""

    ABSENT = auto()


ABSENT = Absent.ABSENT

REFUSAL = {
    "type": "about:blank",
    "title": "Unauthorized",
    "status": 401,
    "code": "token_not_valid",
    "detail": "The access token is not valid (any more).",
    "request_id": "r1",
}


def is_refused(answer: Any) -> bool:
    """Tell whether this is the one refusal there is, in body and header."""
    assert (answer.status_code, answer.json()) == (401, REFUSAL), answer.content
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"
    return True


@pytest.fixture
def access(regular: User) -> str:
    session = open_session(
        regular,
        digest=regular.password,
        lifetime=configured.SESSION_LIFETIME,
        user_agent="",
        address=None,
    )
    assert session
    return access_token(session)


@pytest.fixture
def claims(access: str) -> dict[str, Any]:
    return claims_of(access)


def test_says_who_and_which_session_and_no_more(clock: Clock, access: str, regular: User) -> None:
    claims = claims_of(access)

    assert claims == {
        "typ": "access",
        "sub": str(regular.pk),
        "sid": str(Session.objects.get().pk),
        "jti": claims["jti"],
        "iat": int(START.timestamp()),
        "exp": int((START + timedelta(minutes=15)).timestamp()),
        "aud": "roster",
        "iss": "roster",
    }
    assert jwt.get_unverified_header(access) == {"alg": "RS256", "kid": KEY.kid, "typ": "JWT"}


def test_forgery_without_a_change_is_believed(claims: dict[str, Any]) -> None:
    assert current(forge(claims)).status_code == 200


NO_IDS = [ABSENT, None, "abc", 1, 1.0, True, [], ["1"], {}, {"id": "1"}, "", "0", "01", "-1", "+1"]
NO_IDS += ["1 ", " 1", "1\n", "1_0", "1.0", "1e0", "\x00", "1\x00", "\uff11", "\u0661", "\ud800"]
NO_IDS += [str(2**63 - 1), str(2**63), "9" * 19, "9" * 20, "9" * 2000]
NO_TIMES: list[Any] = [ABSENT, None, "", "x", True, False, [], [1], {}, 1.5, float("nan")]
NO_TIMES += [float("inf"), float("-inf"), 10**400, -(10**400)]
ODD: dict[str, list[Any]] = {
    "sub": NO_IDS,
    "sid": NO_IDS,
    "jti": [ABSENT, None, "", "x", 1, True, [], {}, "0" * 31, "0" * 33, "\ud800"],
    "typ": [ABSENT, None, "", "refresh", "ACCESS", "access ", ["access"], {"access": 1}, True, 1],
    "iat": [*NO_TIMES, "1900000000", 0, -1, -(10**18), 10**18],
    "exp": [*NO_TIMES, "1900000000", 0, -1, 1, -(10**18), 10**18, 2**63, 2**64],
    "nbf": ["", "x", [], {}, None, float("inf"), float("nan"), 10**18, 10**400],
    "aud": [ABSENT, None, "", "other", "ROSTER", 1, True, [], ["other"], {"roster": 1}, [1]],
    "iss": [ABSENT, None, "", "other", "ROSTER", 1, True, ["roster"], {"roster": 1}],
}


@pytest.mark.parametrize(
    ("claim", "value"),
    [(claim, value) for claim, values in ODD.items() for value in values],
    ids=short,
)
def test_odd_claim_is_refused_though_signed(claims: dict[str, Any], claim: str, value: Any) -> None:
    odd = {**claims, claim: value}
    if value is ABSENT:
        del odd[claim]

    assert is_refused(current(forge(odd)))
    if claim != "typ":
        assert refresh(forge({**odd, "typ": "refresh"})).status_code == 401
    assert logout(forge(odd)).status_code == 401
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"null", b"1", b'"x"', b"{", b"\xff\xfe", b"[" * 2900, b'{"a":' * 550, b"NaN"],
    ids=short,
)
def test_payload_that_is_no_object_is_refused(db: None, payload: bytes) -> None:
    assert is_refused(current(forge(payload)))


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"null", b"1", b'"RS256"', b"{", b"\xff\xfe", b"[" * 1500, b'{"a":' * 300],
    ids=short,
)
def test_header_that_is_no_object_is_refused(claims: dict[str, Any], header: bytes) -> None:
    assert is_refused(current(forge(claims, header=header)))


HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
ALGORITHMS = ["none", "None", "nOnE", "NONE", "HS256", "HS384", "HS512", "ES256", "EdDSA"]
ALGORITHMS += ["RS384", "RS512", "PS256", "PS384", "PS512"]


@pytest.mark.parametrize(
    "algorithm",
    [*ALGORITHMS, "", None, 1, [], ["RS256"], {}, "rs256", "RS256 ", ABSENT],
)
def test_other_algorithm_is_refused_though_the_key_is_right(
    claims: dict[str, Any], algorithm: Any
) -> None:
    header = {**HEADER, "alg": algorithm}
    if algorithm is ABSENT:
        del header["alg"]
    token = forge(claims, header=header)

    assert is_refused(current(token))
    assert is_refused(current(token.rpartition(".")[0] + "."))


@pytest.mark.parametrize(
    "algorithm",
    [*ALGORITHMS[:4], "HS384", "HS512", "RS256", "ES256", "", None, 1, [], ["HS256"], {}, "hs256",
     "HS256 ", ABSENT],
)  # fmt: skip
def test_other_algorithm_is_refused_of_a_refresh_token_too(
    claims: dict[str, Any], algorithm: Any
) -> None:
    header = {**REFRESH_HEADER, "alg": algorithm}
    if algorithm is ABSENT:
        del header["alg"]
    digest = HASHES.get(str(algorithm), hashlib.sha256)
    before = stored()
    for extra in ({}, {"kid": KEY.kid}):
        token = forge({**claims, "typ": "refresh"}, header={**header, **extra}, digest=digest)

        assert refresh(token).status_code == 401
        assert refresh(token.rpartition(".")[0] + ".").status_code == 401
    assert stored() == before


PEM, DER = Encoding.PEM, Encoding.DER
SPKI, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
SECRETS = {
    "none": b"",
    "guessed": b"secret",
    "of right length": b"x" * 64,
    "the public key in PEM": KEY.public.public_bytes(PEM, SPKI),
    "the public key in PEM without line end": KEY.public.public_bytes(PEM, SPKI).strip(),
    "the public key in PEM of PKCS 1": KEY.public.public_bytes(PEM, PKCS1),
    "the public key in DER": KEY.public.public_bytes(DER, SPKI),
    "the public key in DER of PKCS 1": KEY.public.public_bytes(DER, PKCS1),
    "the modulus": KEY.public.public_numbers().n.to_bytes(256),
    "the modulus as published": KEY.jwk["n"].encode(),
    "the published key": json.dumps(KEY.jwk).encode(),
    "the key id": KEY.kid.encode(),
    "what signs refresh tokens": REFRESH_KEY,
    "its start": REFRESH_KEY[:-1],
    "more than it": REFRESH_KEY + b"0",
    "it in another case": REFRESH_KEY.upper(),
    "its bytes": bytes.fromhex(REFRESH_KEY.decode()),
    "what signs cookies": configured.SECRET_KEY.encode(),
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_signs_an_access_token(claims: dict[str, Any], name: str) -> None:
    for algorithm, digest in [*HASHES.items(), ("RS256", hashlib.sha256)]:
        for header in ({**HEADER, "alg": algorithm}, {"alg": algorithm, "typ": "JWT"}):
            token = forge(claims, header=header, key=SECRETS[name], digest=digest)
            assert is_refused(current(token))


@pytest.mark.parametrize("name", [name for name in SECRETS if name != "what signs refresh tokens"])
def test_no_other_secret_signs_a_refresh_token(claims: dict[str, Any], name: str) -> None:
    before = stored()

    answer = refresh(forge({**claims, "typ": "refresh"}, key=SECRETS[name]))

    assert answer.status_code == 401
    assert stored() == before


def test_no_token_is_signed_with_the_key_of_the_other_kind(claims: dict[str, Any]) -> None:
    before = stored()
    renewal = forge({**claims, "typ": "refresh"}, header=HEADER, key=KEY.private)

    assert refresh(renewal).status_code == 401
    assert is_refused(current(renewal))
    assert is_refused(current(forge(claims, header=REFRESH_HEADER, key=REFRESH_KEY)))
    assert stored() == before


def test_other_key_pair_is_refused_whatever_it_claims_to_be(claims: dict[str, Any]) -> None:
    (other,) = read_pems(new_pem())

    for kid in (KEY.kid, other.kid):
        for more in ({}, {"jwk": other.jwk}):
            token = forge(claims, header={**HEADER, "kid": kid, **more}, key=other.private)
            assert is_refused(current(token))


POINTERS: dict[str, Any] = {
    "jku": "https://evil.example/keys",
    "x5u": "https://evil.example/cert",
    "jwk": {"kty": "oct", "k": "c2VjcmV0"},
    "x5c": ["MIIB"],
    "x5t": "x",
    "cty": "JWT",
    "zip": "DEF",
}


@pytest.mark.parametrize("name", POINTERS)
def test_key_named_in_the_header_is_never_fetched(
    claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    looked_up: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: looked_up.append(where))
    header = {**HEADER, name: POINTERS[name]}

    assert current(forge(claims, header=header)).status_code == 200
    assert is_refused(current(forge(claims, header=header, key=b"secret")))
    assert is_refused(current(forge(claims, header={**header, "kid": "evil"})))
    assert looked_up == []


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["x"], [], "exp", None, {}, [1], True])
def test_critical_header_is_refused(claims: dict[str, Any], critical: Any) -> None:
    for extra in ({}, {"b64": True}):
        header = {**HEADER, "crit": critical, "exp": 1, "x": 1, **extra}
        assert is_refused(current(forge(claims, header=header)))


def test_unencoded_payload_is_refused(claims: dict[str, Any]) -> None:
    for extra in ({"b64": False}, {"b64": False, "crit": ["b64"]}):
        assert is_refused(current(forge(claims, header={**HEADER, **extra})))


KIDS: dict[str, Any] = {
    "absent": ABSENT,
    "null": None,
    "number": 1,
    "flag": True,
    "list": [],
    "object": {},
    "list of the key": [KEY.kid],
    "object of the key": {"kid": KEY.kid},
    "empty": "",
    "unknown": "A" * 43,
    "long": "x" * 2000,
    "NUL": "\x00",
    "surrogate": "\ud800",
    "number of a file": "0",
    "file": "0.pem",
    "path": "../../dev/null",
    "root": "/dev/null",
    "path of a key": "../signing_keys/0.pem",
    "address": "https://evil.example/keys",
    "file address": "file:///dev/null",
    "SQL": "' OR 1=1 --",
    "template": "{{7*7}}",
    "space behind": f"{KEY.kid} ",
    "space before": f" {KEY.kid}",
    "padded": f"{KEY.kid}=",
    "NUL behind": f"{KEY.kid}\x00",
    "start": KEY.kid[:-1],
    "case": KEY.kid.swapcase(),
}


@pytest.mark.parametrize("name", KIDS)
def test_key_id_that_is_not_known_is_refused(claims: dict[str, Any], name: str) -> None:
    header = {**HEADER, "kid": KIDS[name]}
    if KIDS[name] is ABSENT:
        del header["kid"]

    assert is_refused(current(forge(claims, header=header)))


SHAPES: dict[str, Callable[[str, str, str], str]] = {
    "empty": lambda h, p, s: "",
    "dot": lambda h, p, s: ".",
    "two dots": lambda h, p, s: "..",
    "three dots": lambda h, p, s: "...",
    "words": lambda h, p, s: "a.b.c",
    "header alone": lambda h, p, s: h,
    "no signature": lambda h, p, s: f"{h}.{p}",
    "empty signature": lambda h, p, s: f"{h}.{p}.",
    "no header": lambda h, p, s: f".{p}.{s}",
    "no payload": lambda h, p, s: f"{h}..{s}",
    "four parts": lambda h, p, s: f"{h}.{p}.{s}.{s}",
    "five parts": lambda h, p, s: f"{h}.{p}.{s}.{s}.{s}",
    "trailing dot": lambda h, p, s: f"{h}.{p}.{s}.",
    "parts swapped": lambda h, p, s: f"{p}.{h}.{s}",
    "payload twice": lambda h, p, s: f"{h}.{p}{p}.{s}",
    "short signature": lambda h, p, s: f"{h}.{p}.{s[:-1]}",
    "long signature": lambda h, p, s: f"{h}.{p}.{s}A",
    "signature in another case": lambda h, p, s: f"{h}.{p}.{s.swapcase()}",
    "unused bits of the signature": lambda h, p, s: f"{h}.{p}.{s[:-1]}{chr(ord(s[-1]) + 1)}",
    "padded": lambda h, p, s: f"{h}.{p}.{s}=",
    "padded more": lambda h, p, s: f"{h}.{p}.{s}====",
    "quoted": lambda h, p, s: f'"{h}.{p}.{s}"',
    "leading space": lambda h, p, s: f" {h}.{p}.{s}",
    "space in the signature": lambda h, p, s: f"{h}.{p}.{s[:8]}    {s[8:]}",
    "tab in the payload": lambda h, p, s: f"{h}.{p[:8]}\t\t\t\t{p[8:]}.{s}",
    "space for a dot": lambda h, p, s: f"{h} {p} {s}",
    "signs that decoders skip": lambda h, p, s: f"{h}.{p}.{s[:8]}!!!!{s[8:]}",
    "two tokens": lambda h, p, s: f"{h}.{p}.{s} {h}.{p}.{s}",
    "two tokens by comma": lambda h, p, s: f"{h}.{p}.{s}, Bearer {h}.{p}.{s}",
    "non-ASCII": lambda h, p, s: f"{h}.{p}.{s[:-1]}é",
    "full-width": lambda h, p, s: f"{h}.{p}.{s[:-1]}\uff21",
    "NUL": lambda h, p, s: f"{h}.{p}.{s}\x00",
    "100 kB of dots": lambda h, p, s: "." * 100_000,
    "100 kB of letters": lambda h, p, s: "A" * 100_000,
    "100 kB signature": lambda h, p, s: f"{h}.{p}.{s * 2000}",
    "claims as JSON": lambda h, p, s: json.dumps(claims_of(f"{h}.{p}.{s}")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_malformed_token_is_refused(access: str, shape: str) -> None:
    token = SHAPES[shape](*access.split("."))

    assert token != access
    assert is_refused(current(token))
    assert is_refused(logout(token))
    assert Session.objects.count() == 1


def test_any_edited_letter_is_refused(access: str) -> None:
    for place in range(0, len(access), 7):
        other = "A" if access[place] != "A" else "B"
        assert is_refused(current(access[:place] + other + access[place + 1 :]))


def test_edited_claims_with_the_old_signature_are_refused(access: str, administrator: User) -> None:
    header, _, signature = access.split(".")
    for edit in ({"sub": str(administrator.pk)}, {"exp": 4_000_000_000}, {}):
        payload = json.dumps({**claims_of(access), **edit}).encode()
        edited = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
        assert is_refused(current(f"{header}.{edited}.{signature}"))


def test_longest_token_that_is_read(claims: dict[str, Any]) -> None:
    shortest = len(forge(claims))

    def of_length(length: int) -> str:
        for padding in range((length - shortest) * 3 // 4 - 20, length):
            if len(token := forge({**claims, "pad": "x" * padding})) >= length:
                return token
        raise AssertionError

    token = of_length(4096)
    assert len(token) == 4096
    assert current(token).status_code == 200
    assert is_refused(current(of_length(4097)))


@pytest.mark.parametrize(
    "form",
    [
        *("", " ", "Bearer", "Bearer ", "Bearer  {}", "Bearer {} x", "Bearer x {}", "Bearer\t{}"),
        *("Bearer{}", "Bearer:{}", "Bearer={}", "Bearer,{}", "Bearer {},{}", "{}", "Token {}"),
        *("Bearer {}, Bearer {}", " Bearer {}", "JWT {}", "Basic {}", "Bearer Bearer {}"),
        *('Bearer "{}"', "Bearer access={}", "\uff22earer {}", "Digest x, Bearer {}"),
    ],
)
def test_other_header_form_is_refused(access: str, form: str) -> None:
    header = form.replace("{}", access)
    answer = APIClient().get("/users/current", HTTP_AUTHORIZATION=header, HTTP_X_REQUEST_ID="r1")
    assert is_refused(answer)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_is_read_in_any_case(access: str, scheme: str) -> None:
    answer = APIClient().get("/users/current", HTTP_AUTHORIZATION=f"{scheme} {access}")
    assert answer.status_code == 200


def test_token_elsewhere_is_not_read(access: str) -> None:
    client = APIClient()
    for name in ("access", "access_token", "Authorization", "roster_admin", "sessionid"):
        client.cookies[name] = access
    answers = [
        client.get("/users/current"),
        client.get(f"/users/current?access_token={access}"),
        client.get("/users/current", HTTP_X_ACCESS_TOKEN=access, HTTP_X_AUTHORIZATION=access),
        client.post("/auth/logout", {"access": access}),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert {answer.json()["code"] for answer in answers} == {"not_authenticated"}


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, 200), (15 * 60 - 1, 200), (15 * 60 - 0.001, 200), (15 * 60, 401), (15 * 60 + 1, 401)],
)
def test_lives_15_minutes_without_leeway(
    clock: Clock, access: str, seconds: float, status: int
) -> None:
    clock.at(seconds=seconds)
    assert current(access).status_code == status


@pytest.mark.parametrize(("claim", "seconds"), [("iat", 10), ("nbf", 10)])
def test_clocks_may_differ_by_10_seconds(
    clock: Clock, claims: dict[str, Any], claim: str, seconds: int
) -> None:
    now = int(START.timestamp())

    assert current(forge({**claims, claim: now + seconds})).status_code == 200
    assert is_refused(current(forge({**claims, claim: now + seconds + 1})))


def test_token_of_a_longer_life_than_is_given_now_is_refused(
    clock: Clock, access: str, settings: Settings
) -> None:
    settings.ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
    assert is_refused(current(access))


def test_never_outlives_its_session(
    clock: Clock, regular: User, login: Login, settings: Settings
) -> None:
    settings.SESSION_LIFETIME = timedelta(minutes=5)
    tokens = login(regular).tokens  # type: ignore[attr-defined] # put there by `login`

    assert claims_of(tokens["access"])["exp"] == claims_of(tokens["refresh"])["exp"]
    clock.at(seconds=299)
    assert current(tokens["access"]).status_code == 200
    clock.at(seconds=300)
    assert is_refused(current(tokens["access"]))


def test_session_row_that_has_expired_lets_nobody_in(clock: Clock, access: str) -> None:
    Session.objects.update(expires_at=START + timedelta(seconds=1))
    assert current(access).status_code == 200

    clock.at(seconds=1)

    assert is_refused(current(access))


def test_refresh_token_is_no_access_token(as_regular: Any) -> None:
    token = as_regular.tokens["refresh"]

    assert is_refused(current(token))
    assert is_refused(logout(token))
    assert Session.objects.count() == 1


def test_user_of_another_session_is_refused(
    claims: dict[str, Any], as_administrator: Any, administrator: User
) -> None:
    theirs = claims_of(as_administrator.tokens["access"])

    assert is_refused(current(forge({**claims, "sub": theirs["sub"]})))
    assert is_refused(current(forge({**claims, "sid": theirs["sid"]})))


@pytest.mark.parametrize(
    "claim",
    [{"client_id": None}, {"role": "administrator"}, {"is_staff": True}, {"active": True}],
)
def test_claims_beside_the_known_ones_change_nothing(
    claims: dict[str, Any], claim: dict[str, Any], regular: User
) -> None:
    header = f"Bearer {forge({**claims, **claim})}"
    client = APIClient()

    assert client.get("/users", HTTP_AUTHORIZATION=header).status_code == 403
    shown = client.get("/users/current", HTTP_AUTHORIZATION=header).json()
    assert shown["client"] == {"id": regular.client_id, "name": "Acme"}


def test_role_is_read_from_the_row_each_time(access: str, regular: User) -> None:
    client, header = APIClient(), f"Bearer {access}"
    client_id = regular.client_id
    seen = []
    for value in (client_id, None, client_id):
        User.objects.filter(pk=regular.pk).update(client=value)
        seen.append(client.get("/users", HTTP_AUTHORIZATION=header).status_code)

    assert seen == [403, 200, 403]


def test_everything_stops_with_the_user(as_regular: Any, regular: User) -> None:
    tokens = as_regular.tokens
    regular.delete()

    assert is_refused(current(tokens["access"]))
    assert refresh(tokens["refresh"]).status_code == 401
    assert is_refused(logout(tokens["access"]))


def test_plain_view_answers_401_too(db: None) -> None:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION="Bearer x")
    answer = APIView.as_view()(request)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


def test_one_query_says_who_calls(access: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):  # session, user and client
        assert current(access).status_code == 200


@pytest.mark.parametrize("fields", [{"active": False}, {"client__active": False}])
def test_inactive_is_refused_even_with_a_session(
    access: str, regular: User, fields: dict[str, bool]
) -> None:
    if "active" in fields:
        User.objects.filter(pk=regular.pk).update(active=False)
    else:
        type(regular.client)._default_manager.update(active=False)  # type: ignore[union-attr] # of Acme

    assert is_refused(current(access))
    assert Session.objects.count() == 1


def test_token_seen_before_is_refused_once_its_key_is_gone(access: str, settings: Settings) -> None:
    assert current(access).status_code == 200

    settings.SIGNING_KEYS = GivenKeys(read_pems(new_pem()))
    assert is_refused(current(access))


def test_token_seen_before_is_refused_in_any_other_spelling(access: str) -> None:
    assert current(access).status_code == 200
    header, payload, signature = access.split(".")

    for spelling in (f"{header}.{payload}.{signature[:-2]}AA", f"{header}.{payload}."):
        assert is_refused(current(spelling))
    assert current(access).status_code == 200


def test_refused_token_is_looked_at_again(clock: Clock, claims: dict[str, Any]) -> None:
    early = forge({**claims, "iat": int(START.timestamp()) + 60})
    assert is_refused(current(early))

    clock.at(seconds=60)
    assert current(early).status_code == 200
