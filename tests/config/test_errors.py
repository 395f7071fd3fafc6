"""Problem bodies (RFC 9457): one shape for every refusal, and nothing of the inside in it."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config import urls
from config.api.errors import Fault, count, faults_of, pointer
from tests.sending import send
from users.models import User

INSIDE = "SELECT * FROM users WHERE password_digest -- /srv/app/secret.py"

FAULTS: dict[str, Exception] = {
    "runtime": RuntimeError(INSIDE),
    "database": OperationalError(INSIDE),
    "closed": InterfaceError(INSIDE),
    "missing": Http404(INSIDE),
    "denied": PermissionDenied(INSIDE),
    "odd": SuspiciousOperation(INSIDE),
}


def plain(request: HttpRequest, name: str) -> HttpResponse:
    raise FAULTS[name]


class Broken(APIView):
    """Raises what its address says."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> Response:
        raise FAULTS[name]


class Refusing(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> Response:
        if name == "throttled":
            raise Throttled(wait=3.2)
        raise ValidationError({"a": {"b": ["one", "two"]}, "non_field_errors": ["three"]})


class Unnamed(APIView):
    """Names no policy."""

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("unnamed", Unnamed.as_view()),
    path("plain/<name>", plain),
    path("broken/<name>", Broken.as_view()),
    path("refusing/<name>", Refusing.as_view()),
    *urls.urlpatterns,
]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

KEYS = ["type", "title", "status", "code", "detail", "request_id"]


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    """Check what every problem has, and return it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert list(body) == KEYS + (["errors"] if status == 400 else [])
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["request_id"] == answer["X-Request-ID"] != ""
    return body


@pytest.mark.parametrize(
    ("who", "method", "target", "options", "status", "title", "code"),
    [
        ("nobody", "GET", "/users", {}, 401, "Unauthorized", "not_authenticated"),
        ("nobody", "GET", "/users", {"headers": {"Authorization": "Bearer x"}}, 401,
         "Unauthorized", "token_not_valid"),
        ("regular", "GET", "/users", {}, 403, "Forbidden", "permission_denied"),
        ("administrator", "GET", "/users/1000000", {}, 404, "Not Found", "not_found"),
        ("nobody", "GET", "/nothing", {}, 404, "Not Found", "not_found"),
        ("nobody", "DELETE", "/users", {}, 405, "Method Not Allowed", "method_not_allowed"),
        ("nobody", "POST", "/livez", {}, 405, "Method Not Allowed", "method_not_allowed"),
        ("administrator", "GET", "/users?x=1", {}, 400, "Bad Request", "unknown_parameter"),
        ("administrator", "POST", "/clients", {"body": '{"x": 1, "name": "n"}'}, 400, "Bad Request",
         "unknown_field"),
        ("administrator", "POST", "/clients", {"body": "{"}, 400, "Bad Request", "invalid"),
        ("nobody", "GET", "/users", {"HTTP_HOST": "evil"}, 400, "Bad Request", "bad_request"),
        ("nobody", "GET", "/users", {"HTTP_HOST": "a b\x00"}, 400, "Bad Request", "bad_request"),
        ("administrator", "POST", "/clients", {"body": "x", "content_type": "text/x"}, 415,
         "Unsupported Media Type", "unsupported_media_type"),
        ("administrator", "POST", "/clients", {"body": "x" * 2**20 + "x"}, 413, None,
         "payload_too_large"),
        ("administrator", "PUT", "/users/{administrator}",
         {"body": "{}", "headers": {"If-Match": '"x"'}}, 412, "Precondition Failed",
         "precondition_failed"),
        ("administrator", "PUT", "/users/{administrator}", {"body": '{"active": false}'}, 409,
         "Conflict", "last_administrator"),
        ("nobody", "POST", "/auth/login", {"body": '{"email": "a@b.de", "password": "x"}'}, 401,
         "Unauthorized", "authentication_failed"),
        ("administrator", "GET", "/unnamed", {}, 403, "Forbidden", "permission_denied"),
        ("nobody", "GET", "/plain/runtime", {}, 500, "Internal Server Error", "error"),
        ("nobody", "GET", "/broken/runtime", {}, 500, "Internal Server Error", "error"),
        ("nobody", "GET", "/plain/database", {}, 503, "Service Unavailable", "unavailable"),
        ("nobody", "GET", "/broken/database", {}, 503, "Service Unavailable", "unavailable"),
        ("nobody", "GET", "/broken/closed", {}, 503, "Service Unavailable", "unavailable"),
        ("nobody", "GET", "/plain/missing", {}, 404, "Not Found", "not_found"),
        ("nobody", "GET", "/broken/missing", {}, 404, "Not Found", "not_found"),
        ("nobody", "GET", "/plain/denied", {}, 403, "Forbidden", "permission_denied"),
        ("nobody", "GET", "/broken/denied", {}, 403, "Forbidden", "permission_denied"),
        ("nobody", "GET", "/plain/odd", {}, 400, "Bad Request", "bad_request"),
        ("nobody", "GET", "/broken/odd", {}, 400, "Bad Request", "bad_request"),
        ("nobody", "GET", "/refusing/throttled", {}, 429, "Too Many Requests", "throttled"),
    ],
)  # fmt: skip
@pytest.mark.urls(__name__)
def test_every_refusal_has_the_one_shape(
    who: str,
    method: str,
    target: str,
    options: dict[str, Any],
    status: int,
    title: str | None,
    code: str,
    request: pytest.FixtureRequest,
    administrator: User,
) -> None:
    client = APIClient()
    if who != "nobody":
        client = request.getfixturevalue(f"as_{who}")
    client.raise_request_exception = False

    answer = send(client, method, target.format(administrator=administrator.pk), **options)

    body = check_problem(answer, status)
    assert body["code"] == code
    assert title is None or body["title"] == title
    assert ("WWW-Authenticate" in answer) == (status == 401)
    text = answer.content.decode()
    assert not any(word in text for word in ("SELECT", "srv/app", "Traceback", "django", "psycopg"))


@pytest.mark.urls(__name__)
def test_nested_and_shared_faults_are_flattened(db: None) -> None:
    answer = APIClient().get("/refusing/invalid")

    assert check_problem(answer, 400)["errors"] == [
        {"pointer": "#/b", "code": "invalid", "detail": "one"},
        {"pointer": "#/b", "code": "invalid", "detail": "two"},
        {"pointer": "#", "code": "invalid", "detail": "three"},
    ]


@pytest.mark.urls(__name__)
def test_wait_is_told_in_whole_seconds(db: None) -> None:
    assert int(APIClient().get("/refusing/throttled")["Retry-After"]) >= 4


def test_each_fault_has_exactly_its_keys(as_administrator: APIClient) -> None:
    answer = as_administrator.post("/users?x=1", {"name": ""})

    for error in answer.json()["errors"]:
        assert set(error) in ({"pointer", "code", "detail"}, {"parameter", "code", "detail"})
        assert all(isinstance(value, str) for value in error.values())


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_database_away_is_503_with_retry_after(
    fault: type[Exception], as_administrator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: CursorWrapper, *args: Any, **kwargs: Any) -> None:
        raise fault(INSIDE)

    before = list(User.objects.values())
    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", fail)
        answers = [
            as_administrator.get("/users"),
            as_administrator.get("/users/current"),
            as_administrator.post("/clients", {"name": "x"}),
            as_administrator.put("/users/1", {"name": "x"}),
            as_administrator.post("/auth/login", {"email": "a@b.de", "password": "x"}),
        ]
    for answer in answers:
        body = check_problem(answer, 503)
        assert int(answer["Retry-After"]) > 0
        assert "SELECT" not in body["detail"]
    assert list(User.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_serves_again_after_its_connection_was_lost(as_administrator: APIClient) -> None:
    connection.close()

    assert as_administrator.get("/users/current").status_code == 200


def test_counts_in_words() -> None:
    fault = Fault("invalid", "x")

    assert count([fault]) == "The request has 1 error."
    assert count([fault] * 2) == "The request has 2 errors."


@pytest.mark.parametrize("length", range(195, 202))
@pytest.mark.parametrize("tail", ["é", "/", "~", "%"])
def test_pointer_never_ends_within_an_escape(length: int, tail: str) -> None:
    found = pointer("x" * length + tail * 3)

    assert len(found) <= 202
    rest = found.removeprefix("#/").lstrip("x")
    assert rest in {
        "",
        *("%C3", "%C3%A9", "~1", "~1~1", "~1~1~1", "~0", "~0~0", "~0~0~0", "%25", "%25%25"),
    }


def test_faults_of_text_is_one_of_the_whole_body() -> None:
    assert list(faults_of("x")) == [Fault("invalid", "x")]
