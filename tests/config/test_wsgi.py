"""The WSGI application itself, as a server calls it."""

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

from config.wsgi import application

pytestmark = pytest.mark.django_db


def call(
    path: str, query: str, content_type: str, *, method: str = "GET", body: bytes = b"{}"
) -> tuple[str, dict[str, str], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "CONTENT_LENGTH": str(len(body)),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    serve: Any = application
    answer = serve(environ, lambda *given: started.append(given[:2]))
    return started[0][0], dict(started[0][1]), b"".join(answer)


@pytest.mark.parametrize(
    "charset",
    ["rot13", "hex", "base64", "zip", "idna", "undefined", "punycode", "utf-16", "utf-7", "x"],
)
def test_charset_of_the_body_never_decides_how_a_query_is_read(charset: str) -> None:
    """Django reads the query with it while it makes the request, before anything can answer."""
    status, headers, body = call("/users", "search=%C3%A9", f"text/plain; charset={charset}")

    assert status == "401 Unauthorized"
    assert headers["Content-Type"] == "application/problem+json"
    assert b"not_authenticated" in body


@pytest.mark.parametrize("parameter", ["x*=foo''%41", "charset*=u''%00", "charset*=rot13''a"])
def test_a_parameter_that_cannot_be_read_is_no_json(parameter: str) -> None:
    status, headers, _ = call("/auth/login", "", f"application/json; {parameter}", method="POST")

    assert status in ("415 Unsupported Media Type", "400 Bad Request")
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("charset", ["rot13", "idna", "hex", "undefined"])
def test_charset_of_a_form_is_not_believed(charset: str) -> None:
    content_type = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'

    status, _, _ = call("/admin/login/", "", content_type, method="POST", body=body)

    assert status == "403 Forbidden"  # no CSRF token


def test_is_loaded_by_a_server_that_knows_no_django() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "SECRET_KEY", "JWT_PRIVATE_KEY")}

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from config.wsgi import application"],
        env=kept, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")
