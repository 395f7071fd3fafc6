"""The OpenAPI document at /schema: valid, complete, and true of the service."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from rest_framework.test import APIClient

from clients.models import Client
from config import pages
from config.api.docs import SchemaView, document
from config.api.errors import Busy, exception_handler
from config.api.openapi.problems import SAMPLE_REQUEST_ID
from config.api.views import Manners
from config.exports import Exporting
from config.middleware import RequestMiddleware
from config.rsgi import TOO_SLOW, refused
from config.throttling.limits import Throttled
from config.uploads import BUSY
from tests.conftest import Login, codes
from tests.factories import PASSWORD, InvitedFactory
from users.links import INVITATION, PASSWORD_RESET
from users.models import Session, User
from users.transfer.columns import MAX_FILE_BYTES

DOCUMENT: dict[str, Any] = json.loads(document())
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
MISSING_ID = 2**62
PLAIN = ("/.well-known/jwks.json", "/livez", "/readyz")  # no views of the API
PROBLEM = "application/problem+json"

World = dict[str, Any]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def faults_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return how a value breaks a schema of the document."""
    whole = {"components": DOCUMENT["components"], "allOf": [schema]}
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)
    return [f"{list(fault.path)}: {fault.message}" for fault in validator.iter_errors(value)]


def body_schema(operation_id: str) -> dict[str, Any]:
    _, _, operation = OPERATIONS[operation_id]
    return resolved(operation["requestBody"]["content"]["application/json"]["schema"])


def success_of(operation_id: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the response of the call when it succeeds."""
    responses = OPERATIONS[operation_id][2]["responses"]
    (status,) = [status for status in responses if status < "400"]
    return int(status), resolved(responses[status])


def responses() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation_id, (_, _, operation) in OPERATIONS.items():
        for status, response in operation["responses"].items():
            yield operation_id, status, resolved(response)


def with_body() -> list[str]:
    """Return the calls that take JSON."""
    return [
        name
        for name, (_, _, operation) in OPERATIONS.items()
        if "application/json" in operation.get("requestBody", {}).get("content", ())
    ]


def with_file() -> list[str]:
    """Return the calls that take a file: their tests send one, see tests/users/transfer."""
    return [
        name
        for name, (_, _, operation) in OPERATIONS.items()
        if "text/csv" in operation.get("requestBody", {}).get("content", ())
    ]


def check_answer(operation_id: str, answer: Any) -> None:
    """Hold an answer against what the document says of this call and status."""
    response = resolved(OPERATIONS[operation_id][2]["responses"][str(answer.status_code)])
    for name, header in response["headers"].items():
        schema = resolved(header)["schema"]
        value: Any = int(answer[name]) if schema["type"] == "integer" else answer[name]
        assert faults_of(value, schema) == []
    if "content" not in response:
        assert answer.content == b""
        return
    content = response["content"][answer["Content-Type"].partition(";")[0]]
    assert faults_of(answer.json(), content["schema"]) == []


@pytest.fixture
def world(
    administrator: User, regular: User, stranger: User, login: Login, anonymous: APIClient
) -> World:
    """Rows that the examples speak of, and who calls."""
    login(administrator)
    session = Session.objects.get()
    invited = InvitedFactory()
    asleep = InvitedFactory(active=False)
    expired = APIClient()
    expired.credentials(HTTP_AUTHORIZATION="Bearer spent")
    return {
        "administrator": partial(login, administrator),
        "regular": partial(login, regular),
        "stranger": partial(login, stranger),
        "anonymous": lambda: anonymous,
        "expired": lambda: expired,
        "ids": {
            1: administrator.pk,
            42: regular.pk,
            43: invited.pk,
            44: asleep.pk,
            7: regular.client_id,
            1042: session.pk,
        },
    }


def local(value: Any, ids: dict[int, int]) -> Any:
    """Return an example with the ids that its rows have in this database."""
    if isinstance(value, dict):
        return {
            key: ids.get(item, item) if key in ("id", "client_id") else local(item, ids)
            for key, item in value.items()
        }
    return value


def send(
    world: World,
    operation_id: str,
    body: Any = None,
    *,
    actor: str = "administrator",
    query: str = "",
    row: int | None = None,
    method: str = "",
    content_type: str = "application/json",
    **headers: str,
) -> Any:
    documented, path, _ = OPERATIONS[operation_id]
    samples = {"/clients/{id}": 7, "/auth/sessions/{id}": 1042, "/users/{id}/invitation": 43}
    own = world["ids"][samples.get(path, 42)]
    url = path.replace("{id}", str(row or own)) + (f"?{query}" if query else "")
    data = body if isinstance(body, str) else json.dumps(local(body, world["ids"]))
    return world[actor]().generic(
        (method or documented).upper(),
        url,
        "" if body is None else data,
        content_type=content_type,
        headers=headers,
    )


# The document as such


def test_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [fault.message for fault in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


@pytest.mark.parametrize("path", ["/schema", "/schema/", "/openapi.json", "/openapi.json/"])
def test_is_served_to_everybody(anonymous: APIClient, path: str) -> None:
    answer = anonymous.get(path)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.content == document()


def test_is_served_to_head_without_body(anonymous: APIClient) -> None:
    answer = anonymous.head("/schema")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(anonymous: APIClient, method: str) -> None:
    answer = anonymous.generic(method, "/schema")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Content-Type"] == PROBLEM


def test_knows_no_query_parameter(anonymous: APIClient) -> None:
    assert codes(anonymous.get("/schema?format=yaml")) == {"format": "unknown_parameter"}


def test_tells_nothing_of_the_machine() -> None:
    text = document().decode()

    assert settings.SECRET_KEY not in text
    assert str(settings.BASE_DIR) not in text
    assert not re.search(
        r"django|spectacular|simplejwt|granian|python|/home/|/usr/", text, re.IGNORECASE
    )


# Complete


def routed(
    patterns: list[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routed(pattern.url_patterns, path)
        else:
            view: Any = pattern.callback
            for method in getattr(view, "actions", None) or view_methods(view):
                yield method, "/" + path.replace("<row_id:pk>", "{id}"), view


def view_methods(view: Any) -> list[str]:
    names = ["get", "post", "put", "patch", "delete"]
    return [name for name in names if hasattr(getattr(view, "cls", None), name)]


def test_has_every_routed_call_and_nothing_else() -> None:
    in_code = {
        (method, path)
        for method, path, view in routed(get_resolver().url_patterns)
        if issubclass(getattr(view, "cls", object), Manners)
        and view.cls is not SchemaView  # type: ignore[attr-defined] # DRF's mark on its views
        and not path.endswith("/")
        and method != "head"
    }
    plain = {("get", path) for path in PLAIN}

    assert in_code | plain == {(method, path) for method, path, _ in OPERATIONS.values()}


def test_names_and_explains_every_call() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}

    assert len(OPERATIONS) == sum(len(item) for item in DOCUMENT["paths"].values())
    for _, _, operation in OPERATIONS.values():
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags


def test_asks_for_a_token_where_the_service_does(world: World) -> None:
    for operation_id, (_, _, operation) in OPERATIONS.items():
        answer = send(world, operation_id, {"refresh": "x"}, actor="anonymous")

        is_open = answer.status_code != 401 or answer.json()["code"] != "not_authenticated"
        assert operation["security"] == ([] if is_open else [{"accessToken": []}]), operation_id


def test_has_true_examples_of_every_answer() -> None:
    for operation_id, status, response in responses():
        for media_type, content in response.get("content", {}).items():
            may_be = {PROBLEM} if status >= "400" else {"application/json", "text/csv"}
            assert media_type in may_be
            assert content["examples"], (operation_id, status)
            for example in content["examples"].values():
                assert faults_of(example["value"], content["schema"]) == []
        assert "content" in response or status == "204"


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_knows_the_query_parameters_of_the_code(world: World, operation_id: str) -> None:
    parameters = [resolved(part) for part in OPERATIONS[operation_id][2].get("parameters", [])]
    names = [part["name"] for part in parameters if part["in"] == "query"]

    answer = send(world, operation_id, query="surely_unknown=1")

    if OPERATIONS[operation_id][1] in PLAIN:
        assert names == []
        return
    (fault,) = [e for e in answer.json()["errors"] if e.get("parameter") == "surely_unknown"]
    assert fault["detail"].endswith(f"Those there are: {', '.join(names) or 'none'}.")


@pytest.mark.parametrize("operation_id", with_body())
def test_knows_the_fields_of_the_code(world: World, operation_id: str) -> None:
    properties = body_schema(operation_id)["properties"]
    writable = [name for name, schema in properties.items() if not schema.get("readOnly")]

    answer = send(world, operation_id, {"surely_unknown": 1})

    (fault,) = [e for e in answer.json()["errors"] if e.get("pointer") == "#/surely_unknown"]
    known = fault["detail"].partition("Those there are: ")[2].rstrip(".").split(", ")
    assert sorted(known) == sorted(writable)
    missing = {pointer[2:] for pointer, code in codes(answer).items() if code == "required"}
    schema = body_schema(operation_id)
    without_others = schema.get("oneOf", [{}])[0].get("required", [])  # `password` or `invite`
    assert missing == {*schema.get("required", []), *without_others}


@pytest.mark.parametrize(("read", "change"), [("retrieveUser", "updateUser"),
                                              ("retrieveClient", "updateClient")])  # fmt: skip
def test_lets_a_whole_answer_be_sent_back(world: World, read: str, change: str) -> None:
    (include,) = [
        part["schema"]["items"]["enum"]
        for part in map(resolved, OPERATIONS[read][2]["parameters"])
        if part["name"] == "include"
    ]
    whole = send(world, read, query="include=" + ",".join(include)).json()

    assert faults_of(whole, body_schema(change)) == []
    assert send(world, change, whole).status_code == 200


# True


EXAMPLES = [
    (operation_id, title, example["value"])
    for operation_id in with_body()
    for title, example in OPERATIONS[operation_id][2]["requestBody"]["content"]["application/json"][
        "examples"
    ].items()
]


# The call: which link its token is of, and whose.
LINKS = {"resetPassword": (PASSWORD_RESET, 42), "acceptInvitation": (INVITATION, 43)}


def with_live_token(world: World, operation_id: str, body: dict[str, Any]) -> dict[str, Any]:
    link, row = LINKS[operation_id]
    return {**body, "token": link.token(User.objects.get(pk=world["ids"][row]))}


@pytest.mark.parametrize(("operation_id", "title", "body"), EXAMPLES)
def test_examples_of_bodies_are_accepted(
    world: World, operation_id: str, title: str, body: dict[str, Any]
) -> None:
    if operation_id in LINKS:
        body = with_live_token(world, operation_id, body)
    if operation_id == "refresh":
        body = {"refresh": world["regular"]().tokens["refresh"]}

    answer = send(world, operation_id, body)

    assert faults_of(body, body_schema(operation_id)) == []
    assert answer.status_code == success_of(operation_id)[0], answer.content
    check_answer(operation_id, answer)


@pytest.mark.parametrize(
    "operation_id", [name for name in OPERATIONS if name not in [*with_body(), *with_file()]]
)
def test_calls_without_body_succeed(world: World, operation_id: str) -> None:
    answer = send(world, operation_id)

    assert answer.status_code == success_of(operation_id)[0], answer.content
    check_answer(operation_id, answer)


@pytest.mark.parametrize("operation_id", with_file())
def test_examples_of_files_are_accepted(world: World, operation_id: str) -> None:
    content = OPERATIONS[operation_id][2]["requestBody"]["content"]["text/csv"]

    for example in content["examples"].values():
        answer = send(world, operation_id, example["value"], content_type="text/csv")

        assert answer.status_code == success_of(operation_id)[0], answer.content
        check_answer(operation_id, answer)


# The call: every parameter of it, and how many rows there are then.
LISTS = {
    "listUsers": (
        "page=1&page_size=100&ordering=-name,id&active=true&role=regular&search=rita"
        "&email=rita@example.com&created_after=2020-01-31T12:00:00Z"
        "&created_before=2999-01-31T12:00:00%2B01:00&last_login_after=2020-01-31T12:00:00Z"
        "&last_login_before=2999-01-31T12:00:00%2B01:00&never_logged_in=false&include=active,last_login_at",
        1,
    ),
    "listClients": (
        "page=1&page_size=1&ordering=-created_at&active=true&search=acme"
        "&include=users_count,created_at",
        1,
    ),
    "listSessions": ("page=2&page_size=1", 2),
    "listUserSessions": ("page=1&page_size=1", 1),
    "listAuditEvents": (
        "page=1&page_size=1&actor=1&target=1&target_client=1&event=login"
        "&since=2020-01-31T12:00:00Z&until=2999-01-31T12:00:00%2B01:00",
        0,
    ),
}


@pytest.mark.parametrize(("operation_id", "case"), LISTS.items())
def test_lists_take_every_parameter(world: World, operation_id: str, case: tuple[str, int]) -> None:
    query, count = case
    world["regular"]()  # so that there is a last login, and a session

    answer = send(world, operation_id, query=query)

    check_answer(operation_id, answer)
    assert answer.json()["count"] == count


@pytest.mark.parametrize("operation_id", ["listUsers", "listClients"])
def test_lists_take_a_cursor(world: World, operation_id: str) -> None:
    first = send(world, operation_id, query="cursor=&page_size=1&ordering=-created_at")
    query = first.json()["next"].partition("?")[2]

    second = send(world, operation_id, query=query)

    check_answer(operation_id, first)
    check_answer(operation_id, second)
    assert second.json()["results"] != first.json()["results"]


# How to bring about each refusal of which there is an example; a call's own way before the others'.
FILE = {"body": "email\nrita@example.com\n", "content_type": "text/csv"}
WAYS: dict[str, dict[str, Any]] = {
    "no_access_token": {"actor": "anonymous"},
    "expired_or_revoked": {"actor": "expired"},
    "not_allowed": {"actor": "stranger"},
    "no_such_row": {"row": MISSING_ID},
    "past_the_end": {"query": "page=9"},
    "unknown_parameter": {"query": "fields=name"},
    "listUsers unknown_parameter": {"query": "nmae=Ada"},
    "listClients unknown_parameter": {"query": "nmae=Ada"},
    "listSessions unknown_parameter": {"query": "ordering=id"},
    "listUserSessions unknown_parameter": {"query": "ordering=id"},
    "listAuditEvents unknown_parameter": {"query": "user=1"},
    "listAuditEvents bad_filters": {"query": "actor=0&since=yesterday"},
    "bad_cursor": {"query": "ordering=name&cursor=WyJpZCIsZmFsc2UsWzQyXV0"},
    "bad_page": {"query": "page=0"},
    "unknown_include": {"query": "include=salary"},
    "bad_filter": {"query": "active=maybe"},
    "bad_filters": {"query": "role=boss&created_after=yesterday"},
    "importUsers unknown_parameter": {**FILE, "query": "dryrun=true"},
    "unknown_column": {**FILE, "body": "name,e-mail\nRita,rita@example.com\n"},
    "refused_rows": {**FILE, "body": "email,name\nrita,Rita\n"},
    "importUsers last_administrator": {
        **FILE,
        "body": "email,active\nada@example.com,false\n",
    },
    "no_table": {"body": {"name": "Rita"}},
    "file_too_large": {**FILE, "body": "a" * (MAX_FILE_BYTES + 1)},
    "another_method": {"method": "OPTIONS"},
    "not_a_json_object": {"body": "[]"},
    "not_json": {"body": "name: Rita", "content_type": "text/plain"},
    "too_large": {"body": '"' + "a" * 2**20 + '"'},
    "changed_meanwhile": {"body": {"name": "Later"}, "If-Match": '"another"'},
    "read-only": {"body": {"id": 8}},
    "name_taken": {"body": {"name": "GLOBEX"}},
    "two_faults": {"body": {"email": "ADA@example.com", "password": "Tr0ub4dor&3"}},
    "no_such_client": {"body": {"client_id": MISSING_ID}},
    "a_field_not_theirs": {"actor": "regular", "body": {"client_id": None}},
    "own_password_missing": {"actor": "regular", "body": {"email": "r@example.com"}},
    "own_password_wrong": {
        "actor": "regular",
        "body": {"email": "r@example.com", "current_password": "not this one"},
    },
    "last_administrator": {"row": 1, "body": {"active": False}},
    "unknown_field": {"body": {"name": "Initech", "title": "Ltd"}},
    "login unknown_parameter": {"query": "next=/", "body": {"email": "a", "password": "b"}},
    "login password_missing": {"body": {"email": "rita@example.com"}},
    "login unknown_field": {"body": {"username": "r", "email": "r", "password": "p"}},
    "login no_such_account": {"body": {"email": "nobody@example.com", "password": PASSWORD}},
    "refresh unknown_parameter": {"query": "next=/", "body": {"refresh": "x"}},
    "refresh token_missing": {"body": {}},
    "refresh spent_or_expired": {"body": {"refresh": "spent"}},
    "used_or_expired": {"body": {"token": "42:x", "password": PASSWORD}},
    "password_missing": {"body": {"token": "a live one"}},
    "email_missing": {"body": {}},
    "no_address": {"body": {"email": "rita"}},
    "has_a_password": {"row": 42},
    "inactive": {"row": 44},
    "inviteUser unknown_parameter": {"query": "next=/"},
    "inviteUser unknown_field": {"body": {"email": "rita@example.com"}},
    "forgotPassword unknown_parameter": {"query": "next=/", "body": {"email": "r@example.com"}},
    "logout unknown_parameter": {"query": "next=/"},
    "logout unknown_field": {"body": {"refresh": "x"}},
}
for _call in ("resetPassword", "acceptInvitation"):
    WAYS[f"{_call} unknown_parameter"] = {
        "query": "next=/",
        "body": {"token": "a live one", "password": PASSWORD},
    }
for _call in ("endSession", "endOtherSessions", "endUserSessions"):
    WAYS[f"{_call} unknown_parameter"] = {"query": "next=/"}
    WAYS[f"{_call} unknown_field"] = {"body": {"all": True}}
NEW = {"name": "Grace", "email": "grace@example.com", "client_id": None, "password": PASSWORD}
for _title, _change in {
    "unknown_parameter": {},
    "unknown_include": {},
    "two_faults": WAYS["two_faults"]["body"],
    "no_such_client": {"client_id": MISSING_ID},
    "client_id_missing": {"client_id": ...},
    "invited_with_a_password": {"invite": True},
    "unknown_field": {"clientid": 7},
}.items():
    _body = {key: value for key, value in {**NEW, **_change}.items() if value is not ...}
    WAYS[f"createUser {_title}"] = {**WAYS.get(_title, {}), "body": _body}
for _title in ("unknown_parameter", "unknown_include"):
    WAYS[f"createClient {_title}"] = {**WAYS[_title], "body": {"name": "Initech"}}
for _call in ("createClient", "updateClient", "patchClient"):
    WAYS[f"{_call} two_faults"] = {"body": {"name": " ", "active": "no"}}

# What no request brings about; a test each further down.
OURS = {
    "too_many_failures",
    "a_fault_of_ours",
    "database_away",
    "too_slow",
    "other_files",
    "other_exports",
    "too_many_at_once",
    "no_database",
    "not_migrated",
}
REFUSALS = [
    (operation_id, title, example["value"])
    for operation_id, status, response in responses()
    if status >= "400"
    for title, example in response["content"][PROBLEM]["examples"].items()
    if title not in OURS
]


def rows() -> list[dict[str, Any]]:
    """Return all users and clients as stored, but for the time of the last login."""
    users = [{**row, "last_login_at": None} for row in User.objects.order_by("pk").values()]
    return [*users, *map(dict, Client.objects.order_by("pk").values())]


@pytest.mark.parametrize(("operation_id", "title", "expected"), REFUSALS)
def test_examples_of_refusals_are_what_the_service_answers(
    world: World, operation_id: str, title: str, expected: dict[str, Any]
) -> None:
    way: dict[str, Any] = dict(WAYS.get(f"{operation_id} {title}") or WAYS[title])
    way["row"] = world["ids"].get(way.get("row"), way.get("row"))
    if "token" in way.get("body", ()) and title != "used_or_expired":
        way["body"] = with_live_token(world, operation_id, way["body"])
    before, sessions = rows(), set(Session.objects.values_list())

    answer = send(world, operation_id, **{"X-Request-ID": SAMPLE_REQUEST_ID, **way})

    assert answer.json() == expected
    check_answer(operation_id, answer)
    assert rows() == before
    assert sessions <= set(Session.objects.values_list())


def example_of(status: str, title: str, operation_id: str = "updateUser") -> dict[str, Any]:
    response = resolved(OPERATIONS[operation_id][2]["responses"][status])
    value: dict[str, Any] = response["content"][PROBLEM]["examples"][title]["value"]
    return value


def test_example_of_500_is_what_the_service_answers() -> None:
    middleware = RequestMiddleware(pages.server_error)

    answer = middleware(RequestFactory(headers={"X-Request-ID": SAMPLE_REQUEST_ID}).get("/users"))

    assert json.loads(answer.content) == example_of("500", "a_fault_of_ours")


def test_example_of_429_is_what_the_service_answers() -> None:
    request = RequestFactory().post("/auth/login")
    request.META["REQUEST_ID"] = SAMPLE_REQUEST_ID

    answer = exception_handler(Throttled(59.5), {"request": SimpleNamespace(_request=request)})

    assert answer is not None
    assert answer.data == example_of("429", "too_many_failures", "login")
    assert answer["Retry-After"] == "60"


def test_example_of_503_is_what_the_service_answers() -> None:
    request = RequestFactory().get("/users")
    request.META["REQUEST_ID"] = SAMPLE_REQUEST_ID

    answer = RequestMiddleware(lambda _: HttpResponse()).process_exception(
        request, OperationalError()
    )

    assert answer is not None
    assert json.loads(answer.content) == example_of("503", "database_away")
    assert int(answer["Retry-After"]) >= 1


def test_example_of_503_to_one_password_too_many_is_what_the_service_answers() -> None:
    request = RequestFactory().post("/auth/login")
    request.META["REQUEST_ID"] = SAMPLE_REQUEST_ID

    answer = exception_handler(Busy(), {"request": SimpleNamespace(_request=request)})

    assert answer is not None
    assert answer.data == example_of("503", "too_many_at_once", "login")
    assert answer["Retry-After"] == "5"


def test_example_of_408_is_what_the_server_answers() -> None:
    scope = SimpleNamespace(method="POST", headers={"x-request-id": SAMPLE_REQUEST_ID})

    status, headers, content = refused(scope, 408, TOO_SLOW)

    assert status == 408
    assert json.loads(content) == example_of("408", "too_slow")
    assert dict(headers)["x-request-id"] == SAMPLE_REQUEST_ID


@pytest.mark.parametrize(
    ("detail", "title", "operation_id"),
    [
        (BUSY, "other_files", "importUsers"),
        (Exporting.default_detail, "other_exports", "listUsers"),
    ],
)
def test_example_of_503_to_a_file_is_what_the_server_answers(
    detail: str, title: str, operation_id: str
) -> None:
    scope = SimpleNamespace(method="POST", headers={"x-request-id": SAMPLE_REQUEST_ID})

    _, _, content = refused(scope, 503, detail)

    assert json.loads(content) == example_of("503", title, operation_id)
