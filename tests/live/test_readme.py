"""What the README shows, pasted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.live.conftest import PASSWORD, ROOT, Service

pytestmark = pytest.mark.xdist_group("live")


def test_the_first_session_gives_what_the_readme_says(
    service: Service, root: str, tmp_path: Path
) -> None:
    readme = (Path(settings.BASE_DIR) / "README.md").read_text()
    section = readme.split("## A first session")[1].split("\n## ")[0]
    session, printed = re.findall(r"```(?:sh)?\n(.*?)```", section, re.DOTALL)
    session = session.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{service.port}")
    session = session.replace("admin@demo.example", ROOT)
    session = session.replace('"client_id": 1', f'"client_id": {service.create_client(root)}')
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo_password").write_text(PASSWORD)

    ended = subprocess.run(
        ["bash", "-c", session],
        cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip

    first, _, rest = ended.stdout.partition("\n")
    assert first == f'{{"id":1,"name":"Root","email":"{ROOT}","client":null}}'
    assert rest == printed


def test_another_service_tells_tokens_apart_as_the_readme_says(
    service: Service, tmp_path: Path
) -> None:
    readme = (Path(settings.BASE_DIR) / "README.md").read_text()
    section = readme.split("## Tokens in other services")[1].split("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    example = example.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{service.port}")
    (tmp_path / "other.py").write_text(example)
    code = (
        "import jwt, sys, other\n"
        "for token in sys.argv[1:]:\n"
        "    try: print(other.claims_of(token)['sub'])\n"
        "    except jwt.PyJWTError: print('refused')\n"
    )
    tokens = service.log_in()
    forged = tokens["access"][:-8] + "AAAAAAAA"

    ended = subprocess.run(
        [sys.executable, "-c", code, tokens["access"], tokens["refresh"], forged, "x"],
        cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert ended.stdout.split() == ["1", "refused", "refused", "refused"]
