"""A rotation of keys while two workers serve, and another service that has the published keys."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from tests.live.conftest import BASE_DIR, Service, serving

pytestmark = pytest.mark.xdist_group("live")

PATH = "/.well-known/jwks.json"


@dataclass(frozen=True)
class Installation:
    """A copy of the code with a var/ of its own, being served."""

    folder: Path
    environment: dict[str, str]
    service: Service

    def rotate(self, *options: str) -> str:
        ended = subprocess.run(
            [sys.executable, "manage.py", "rotate_signing_key", *options],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return ended.stdout

    def access(self) -> str:
        return self.service.log_in()["access"]

    def status(self, token: str) -> int:
        return self.service.call("GET", "/users/current", token=token).status

    def keys(self) -> Any:
        return self.service.call("GET", PATH).json


@pytest.fixture(scope="module")
def installation(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Serve with two workers and the keys that the first start makes."""
    folder = tmp_path_factory.mktemp("roster")
    for name in ("config", "users", "clients", "templates"):
        shutil.copytree(BASE_DIR / name, folder / name)
    shutil.copy(BASE_DIR / "manage.py", folder)
    environment = environment | {"WEB_WORKERS": "2"}
    own = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("COVERAGE_", "JWT_PRIVATE_KEY"))
    }
    with serving(own, folder / "log", folder=folder) as running:
        yield Installation(folder, own, running)


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def verify_elsewhere(token: str, keys: Any) -> Any:
    return jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims["sub"]


def test_rotation_while_serving_loses_no_token(installation: Installation) -> None:
    keys_before, old = installation.keys(), installation.access()

    printed = installation.rotate("--overlap", "3")
    until = time.monotonic() + 30
    while kid_of(new := installation.access()) == kid_of(old) and time.monotonic() < until:
        assert installation.status(new) == 200

    assert f"New key {kid_of(new)} is published" in printed
    assert [installation.status(token) for token in [old, new] * 40] == [200] * 80
    answers = [installation.keys() for _ in range(20)]
    assert answers == [answers[0]] * 20
    assert {key["kid"] for key in answers[0]["keys"]} == {kid_of(old), kid_of(new)}
    for token, keys in ((old, keys_before), (old, answers[0]), (new, answers[0])):
        assert verify_elsewhere(token, keys) == "1"
    assert len(list((installation.folder / "var" / "signing_keys").iterdir())) == 2


def test_leaked_key_is_out_at_once_and_sessions_go_on(installation: Installation) -> None:
    tokens = installation.service.log_in()

    installation.rotate("--leaked")
    until = time.monotonic() + 30
    while 200 in (seen := [installation.status(tokens["access"]) for _ in range(20)]):
        assert time.monotonic() < until

    assert seen == [401] * 20
    (key,) = installation.keys()["keys"]
    assert key["kid"] != kid_of(tokens["access"])
    answer = installation.service.call("POST", "/auth/refresh", {"refresh": tokens["refresh"]})
    assert kid_of(answer.json["access"]) == key["kid"]
    assert [installation.status(answer.json["access"]) for _ in range(20)] == [200] * 20


def test_keys_are_read_by_get_and_head_alone(service: Service) -> None:
    got, head, post = [service.call(method, PATH) for method in ("GET", "HEAD", "POST")]

    assert (got.status, head.status, post.status) == (200, 200, 405)
    assert head.body == b""
    for answer in (got, head):
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert answer.headers["Content-Type"] == "application/json"
    assert post.headers["Allow"] == "GET, HEAD"
