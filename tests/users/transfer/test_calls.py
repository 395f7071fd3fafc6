"""POST /users/import, and GET /users in CSV."""

import io
from contextlib import nullcontext
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from clients.models import Client
from config.audit.models import AuditEvent
from tests.conftest import codes
from tests.users.transfer.tables import workbook
from users.models import User
from users.transfer.exporting import XLSX_TYPE
from users.transfer.uploads import file_of_body

GOOD = "name,email,client\nX,x@example.com,acme\n"
BAD = "name,email,client\nX,x@example.com,acme\nY,y,acme\n"


def post(client: APIClient, body: str | bytes, query: str = "", kind: str = "text/csv") -> Any:
    data: Any = body.encode() if isinstance(body, str) else body
    return client.generic("POST", f"/users/import{query}", data, content_type=kind)


def test_imports_and_answers_with_the_report(as_administrator: APIClient, acme: Client) -> None:
    answer = post(as_administrator, GOOD)

    assert answer.status_code == 200
    event = AuditEvent.objects.get(event="user_created")
    assert answer.json() == {
        "import_id": event.details.split('"')[3],
        "dry_run": False,
        "total": 1,
        "new": 1,
        "changed": 0,
        "unchanged": 0,
        "refused": 0,
        "ignored_columns": [],
        "refusals": [],
    }
    assert (event.door, event.actor) == ("api", "ada@example.com")


def test_a_rehearsal_tells_the_same_and_writes_nothing(
    as_administrator: APIClient, acme: Client
) -> None:
    answer = post(as_administrator, BAD, "?dry_run=true")

    assert answer.status_code == 200
    assert answer.json()["import_id"] is None
    assert (answer.json()["new"], answer.json()["refused"]) == (1, 1)
    assert answer.json()["refusals"] == [
        {"row": 3, "column": "email", "code": "invalid", "detail": "Enter a valid email address."}
    ]
    assert User.objects.count() == 1


def test_a_refused_row_stops_it_unless_it_may_be_skipped(
    as_administrator: APIClient, acme: Client
) -> None:
    answer = post(as_administrator, BAD)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Nothing was imported. Refused rows: 1."
    assert answer.json()["errors"][0]["row"] == 3
    assert User.objects.count() == 1

    assert post(as_administrator, BAD, "?on_refusal=skip").json()["new"] == 1
    assert User.objects.count() == 2


def test_takes_a_workbook(as_administrator: APIClient, acme: Client) -> None:
    file = workbook(["email", "name", "client"], ["x@example.com", "X", "acme"])

    assert post(as_administrator, file.getvalue(), kind=XLSX_TYPE).json()["new"] == 1
    assert codes(post(as_administrator, GOOD, kind=XLSX_TYPE)) == {"#": "unreadable"}


def test_takes_a_charset(as_administrator: APIClient, acme: Client) -> None:
    body = GOOD.replace("X", "Zo\xeb").encode("cp1252")

    post(as_administrator, body, kind='text/csv; charset="Windows-1252"')

    assert User.objects.get(email="x@example.com").name == "Zo\xeb"


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("application/json", {}),
        ("text/plain", {}),
        ("multipart/form-data; boundary=x", {}),
        ("", {}),
        ("text/csv; charset=klingon", {}),
        ("text/csv", {"Content-Encoding": "gzip"}),
    ],
)
def test_other_media_types_are_415(
    as_administrator: APIClient, acme: Client, kind: str, headers: dict[str, str]
) -> None:
    answer = as_administrator.generic(
        "POST", "/users/import", GOOD, content_type=kind, headers=headers
    )

    assert answer.status_code == 415
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("?dryrun=true", {"dryrun": "unknown_parameter"}),
        ("?dry_run=1", {"dry_run": "invalid"}),
        ("?dry_run=", {"dry_run": "blank"}),
        ("?on_refusal=go", {"on_refusal": "invalid"}),
        ("?dry_run=true&dry_run=false", {"dry_run": "invalid"}),
    ],
)
def test_bad_parameters_are_400_and_nothing_is_written(
    as_administrator: APIClient, acme: Client, query: str, fault: dict[str, str]
) -> None:
    assert codes(post(as_administrator, GOOD, query)) == fault
    assert User.objects.count() == 1


def test_a_body_without_length_is_400(as_administrator: APIClient, acme: Client) -> None:
    answer = as_administrator.generic(
        "POST", "/users/import", GOOD, content_type="text/csv", HTTP_TRANSFER_ENCODING="chunked"
    )

    assert codes(answer) == {"#": "parse_error"}
    assert User.objects.count() == 1


@pytest.mark.parametrize(("announced", "is_whole"), [("20", False), ("4", True), ("x", True)])
def test_a_body_that_ends_early_is_400(announced: str, is_whole: bool) -> None:
    body = io.BytesIO(b"body" if is_whole and announced != "x" else b"")
    request = RequestFactory().post("/users/import")
    request.META["CONTENT_LENGTH"] = announced
    request._stream = body  # Django's own name for what it reads

    expected = nullcontext() if is_whole else pytest.raises(ParseError, match="announced length")
    with expected, file_of_body(request) as file:
        assert file.tell() == len(body.getvalue())


@pytest.mark.parametrize("body", ["", "name\n", "email,password\n", "\0", "email,email\n"])
def test_a_useless_file_is_400(as_administrator: APIClient, body: str) -> None:
    assert [*codes(post(as_administrator, body))] == ["#"]


def test_only_administrators_import(as_regular: APIClient, anonymous: APIClient) -> None:
    before = [*User.objects.values()]

    assert post(as_regular, GOOD).status_code == 403
    assert post(anonymous, GOOD).status_code == 401
    assert [*User.objects.values("pk")] == [{"pk": row["id"]} for row in before]


CSV = {"Accept": "text/csv"}


def csv_of(answer: Any) -> list[str]:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer.streaming_content).decode().splitlines()


def test_exports_what_the_filters_keep(
    as_administrator: APIClient, regular: User, stranger: User
) -> None:
    answer = as_administrator.get("/users?role=regular&search=rita", headers=CSV)

    (head, row) = csv_of(answer)
    assert head.startswith("id,name,email,")
    assert row.startswith(f"{regular.pk},Rita Regular,")
    assert answer["Content-Disposition"] == 'attachment; filename="users.csv"'
    assert (answer["Vary"], answer["Cache-Control"]) == ("Accept", "no-store")


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "text/*", "application/json", "text/csv;q=0", "text/csv, application/json",
     "text/csv;q=0.5, application/json;q=0.6", "text/html", "text/csv; x*=a''%41;q"],
)  # fmt: skip
def test_answers_in_json_unless_csv_is_asked_for(as_administrator: APIClient, accept: str) -> None:
    answer = as_administrator.get("/users", headers={"Accept": accept})

    assert answer["Content-Type"] == "application/json"
    assert answer["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["TEXT/CSV", "text/csv, */*;q=0.1", "text/csv; charset=utf-8"])
def test_answers_in_csv_where_it_is_asked_for(as_administrator: APIClient, accept: str) -> None:
    assert len(csv_of(as_administrator.get("/users", headers={"Accept": accept}))) == 2


@pytest.mark.parametrize("name", ["page", "page_size", "cursor", "ordering", "include"])
def test_csv_takes_only_the_filters(as_administrator: APIClient, name: str) -> None:
    answer = as_administrator.get(f"/users?{name}=1", headers=CSV)

    assert codes(answer) == {name: "unknown_parameter"}


def test_head_asks_for_no_rows(as_administrator: APIClient) -> None:
    answer: Any = as_administrator.head("/users", headers=CSV)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(answer.streaming_content) == b""


def test_only_administrators_export(as_regular: APIClient, anonymous: APIClient) -> None:
    assert as_regular.get("/users", headers=CSV).status_code == 403
    assert anonymous.get("/users", headers=CSV).status_code == 401
