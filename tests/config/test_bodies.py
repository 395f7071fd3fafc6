"""Which bodies are read, and what is answered to the others."""

import io
import json
import time

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from config.api.parsing import read_body
from tests.conftest import codes
from tests.factories import as_row
from tests.sending import send
from users.models import User

MEBIBYTE = 2**20


def nested(levels: int) -> str:
    """Return an object of so many levels, itself the first."""
    return '{"name": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


UNREADABLE: dict[str, bytes | str] = {
    "not JSON": "name=x",
    "truncated": '{"name": "x"',
    "truncated text": '{"name": "x',
    "trailing junk": '{"name": "x"} x',
    "two objects": '{"name": "x"}{"name": "y"}',
    "comment": '{"name": "x" /* y */}',
    "comment to the end": '{"name": "x"} // y',
    "trailing comma": '{"name": "x",}',
    "single quotes": "{'name': 'x'}",
    "bare key": '{name: "x"}',
    "only spaces": "  ",
    "raw control character": '{"name": "a\nb"}',
    "array": "[]",
    "array of an object": '[{"name": "x"}]',
    "text": '"x"',
    "number": "1",
    "true": "true",
    "null": "null",
    "NaN": '{"name": NaN}',
    "Infinity": '{"name": Infinity}',
    "-Infinity": '{"name": -Infinity}',
    "1e400": '{"name": 1e400}',
    "-1e400": '{"x": [-1e400]}',
    "5000 digits": '{"client_id": ' + "9" * 5000 + "}",
    "hexadecimal": '{"client_id": 0x1}',
    "leading zero": '{"client_id": 01}',
    "plus": '{"client_id": +1}',
    "same key twice": '{"name": "x", "name": "x"}',
    "same key escaped": '{"name": "x", "n\\u0061me": "y"}',
    "same key below": '{"x": {"a": 1, "a": 2}}',
    "same key far below": '{"x": [[{"y": [{"a": 1, "a": 1}]}]]}',
    "21 levels": nested(21),
    "21 levels of objects": '{"a":' * 20 + "{}" + "}" * 20,
    "100000 brackets": '{"a": ' + "[" * 100_000,
    "100000 objects": '{"a":' * 100_000,
    "100000 closed": nested(100_000),
    "BOM": b'\xef\xbb\xbf{"name": "x"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "UTF-16LE": '{"name": "x"}'.encode("utf-16-le"),
    "UTF-32": '{"name": "x"}'.encode("utf-32"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "NUL": b'{"name": "\x00"}',
    "only NUL": b"\x00",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_body_is_refused_at_once(
    body: bytes | str, as_administrator: APIClient, administrator: User
) -> None:
    before = as_row(administrator)
    for method, path in (("PUT", f"/users/{administrator.pk}"), ("POST", "/users")):
        started = time.perf_counter()

        answer = send(as_administrator, method, path, body)

        assert time.perf_counter() - started < 1
        assert codes(answer) == {"#": "parse_error"}
        assert answer.json()["code"] == "invalid"
    assert as_row(administrator) == before
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("{", "The body is not readable as JSON."),
        ("[]", "The body must be a JSON object."),
        ('{"a": NaN}', "NaN is not JSON."),
        ('{"a": -Infinity}', "-Infinity is not JSON."),
        ('{"a": 1e999}', "The body has a number out of range."),
        ('{"a": 1, "a": 1}', "The body has the same key twice."),
        (nested(21), "The body is nested over 20 levels."),
    ],
)
def test_says_what_is_wrong(body: str, detail: str, as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/users", body)

    assert answer.json()["errors"] == [{"pointer": "#", "code": "parse_error", "detail": detail}]


def test_twenty_levels_are_read(as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/clients", nested(20))

    assert codes(answer) == {"#/name": "invalid"}


def test_unreadable_body_is_told_beside_the_faults_of_the_query(
    as_administrator: APIClient, administrator: User
) -> None:
    for method, path in (("POST", "/clients"), ("PUT", f"/users/{administrator.pk}")):
        answer = send(as_administrator, method, f"{path}?x=1", "{")

        assert codes(answer) == {"x": "unknown_parameter", "#": "parse_error"}


MEDIA = {
    415: [
        "", "text/plain", "text/json", "application/xml", "application/jsonp", "application/*",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "garbage", "/",
        ";", "application/json, text/plain", "application/merge-patch+json",
        "application/json; charset=utf-16", "application/json; charset=utf-7",
        "application/json; charset=latin-1", "application/json; charset=foo",
        "application/json; charset=", "application/json; charset", "application/json; charset=idna",
        "x" * 20_000,
    ],
    201: [
        "application/json", "APPLICATION/JSON", "application/json;charset=UTF-8",
        'application/json; charset="utf-8"', "application/json; x=y", " application/json ;",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("media", "status"), [(media, status) for status, many in MEDIA.items() for media in many]
)
def test_takes_json_in_utf_8_and_nothing_else(
    media: str, status: int, as_administrator: APIClient
) -> None:
    answer = send(as_administrator, "POST", "/clients", '{"name": "é"}', content_type=media)

    assert answer.status_code == status
    if status == 415:
        assert answer.json()["code"] == "unsupported_media_type"
        assert len(answer.json()["detail"]) <= 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x", "gzip, identity", "GZIP"])
def test_refuses_encoded_bodies(coding: str, as_administrator: APIClient) -> None:
    body = b"\x1f\x8b" + b"\x00" * 100

    answer = send(as_administrator, "POST", "/clients", body, headers={"Content-Encoding": coding})

    assert answer.status_code == 415


def test_identity_is_no_coding(as_administrator: APIClient) -> None:
    headers = {"Content-Encoding": "Identity"}

    answer = send(as_administrator, "POST", "/clients", '{"name": "x"}', headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize(("size", "status"), [(MEBIBYTE, 400), (MEBIBYTE + 1, 413)])
def test_takes_one_mebibyte_at_most(size: int, status: int, as_administrator: APIClient) -> None:
    start, end = '{"name": "', '"}'

    answer = send(
        as_administrator, "POST", "/clients", start + "x" * (size - len(start + end)) + end
    )

    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "payload_too_large"
    else:
        assert codes(answer) == {"#/name": "max_length"}


def test_too_large_a_body_is_never_parsed(as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/clients", "{" * (MEBIBYTE + 1))

    assert answer.status_code == 413


def test_size_is_told_only_to_those_who_may_send(
    anonymous: APIClient, as_regular: APIClient
) -> None:
    body = "x" * (MEBIBYTE + 1)

    assert send(anonymous, "POST", "/users", body).status_code == 401
    assert send(as_regular, "POST", "/users", body).status_code == 403


@pytest.mark.parametrize("length", ["abc", "-5", "1_0", "\u0665", ""])
def test_odd_lengths_are_no_server_error(length: str, as_administrator: APIClient) -> None:
    answer = send(as_administrator, "POST", "/clients", '{"name": "x"}', CONTENT_LENGTH=length)

    assert answer.status_code == 400


@pytest.mark.parametrize("coding", ["chunked", "identity", "gzip, chunked"])
def test_body_without_length_is_refused_not_taken_for_empty(
    coding: str, as_administrator: APIClient, administrator: User
) -> None:
    before = as_row(administrator)

    answer = send(
        as_administrator,
        "PUT",
        f"/users/{administrator.pk}",
        "",
        HTTP_TRANSFER_ENCODING=coding,
    )

    assert codes(answer) == {"#": "parse_error"}
    assert as_row(administrator) == before


@pytest.mark.parametrize("announced", ["20", "1048576"])
def test_body_that_ends_early_is_refused(announced: str) -> None:
    request = RequestFactory().post("/clients", CONTENT_LENGTH=announced)

    with pytest.raises(ParseError, match="ended before its announced length"):
        read_body(request, io.BytesIO(b'{"name": "x"}'))


def test_length_that_is_no_number_announces_nothing() -> None:
    request = RequestFactory().post("/clients", CONTENT_LENGTH="x")

    assert read_body(request, io.BytesIO(b"{}")) == b"{}"


def test_empty_body_is_no_fields_whatever_its_type(
    as_administrator: APIClient, administrator: User
) -> None:
    for media in ("", "application/json", "text/plain", "application/x-www-form-urlencoded"):
        path = f"/users/{administrator.pk}"

        assert send(as_administrator, "PUT", path, "", content_type=media).status_code == 200


def test_body_of_a_get_is_not_looked_at(as_administrator: APIClient) -> None:
    assert send(as_administrator, "GET", "/users", "{", content_type="text/x").status_code == 200


def test_unknown_fields_are_named_with_those_there_are(as_administrator: APIClient) -> None:
    answer = as_administrator.post("/clients", {"name": "x", "nmae": "y"})

    assert answer.json()["errors"] == [
        {
            "pointer": "#/nmae",
            "code": "unknown_field",
            "detail": "Unknown field. Those there are: name, active.",
        }
    ]


def test_many_unknown_fields_are_counted_but_not_all_told(as_administrator: APIClient) -> None:
    body = {"name": "x"} | {f"field{number}": 1 for number in range(10_000)}

    answer = as_administrator.post("/clients", body)

    assert answer.json()["detail"] == "The request has 10000 errors."
    assert len(answer.json()["errors"]) == 100
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ("a/b~c", "#/a~1b~0c"),
        ("é", "#/%C3%A9"),
        (" %", "#/%20%25"),
        ("", "#/"),
        ("\ud800", "#/%3F"),
        ("<script>", "#/%3Cscript%3E"),
        ("x" * 500_000, "#/" + "x" * 200),
        ("é" * 500, "#/" + "%C3%A9" * 33),
        ("x" * 199 + "/", "#/" + "x" * 199),
    ],
)
def test_unknown_key_is_echoed_as_a_pointer_of_bounded_length(
    key: str, pointer: str, as_administrator: APIClient
) -> None:
    answer = send(as_administrator, "POST", "/clients", json.dumps({"name": "x", key: 1}))

    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, "unknown_field")


def test_bad_values_are_not_echoed(as_administrator: APIClient) -> None:
    marker = "marker" * 10
    body = {"name": [marker], "email": f"{marker} {marker}", "active": marker, "client_id": marker}

    answer = as_administrator.post("/users", body | {"password": marker, "id": marker})

    assert answer.status_code == 400
    assert "marker" not in answer.content.decode()
