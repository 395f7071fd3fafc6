"""What holds of the tree itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

BASE_DIR = Path(settings.BASE_DIR)
PRODUCT = [
    file
    for folder in ("config", "users", "clients")
    for file in (BASE_DIR / folder).rglob("*.py")
    if "migrations" not in file.parts
]


@pytest.mark.parametrize("file", PRODUCT, ids=lambda file: str(file.relative_to(BASE_DIR)))
def test_a_module_is_short_and_says_what_it_is(file: Path) -> None:
    text = file.read_text()

    assert text.count("\n") <= 400
    assert file.stem not in {"utils", "helpers", "common", "core", "services", "misc"}
    assert not text or text.startswith('"""'), "no docstring"


@pytest.mark.parametrize(
    "file", ["requirements.txt", "tests/requirements.txt", "docs/deploy/requirements-otel.txt"]
)
def test_every_requirement_is_pinned_with_hashes(file: str) -> None:
    text = re.sub(r" *\\\n *", " ", (BASE_DIR / file).read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert lines
    for line in lines:
        assert re.match(r"[\w.\[\],-]+==\S+ .*--hash=sha256:", line), line
        assert "://" not in line


def test_imports_point_one_way() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint_imports, "--no-cache"], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout


def test_the_example_environment_names_every_setting() -> None:
    read = set(re.findall(r'_read\.\w+\("(\w+)"', (BASE_DIR / "config/settings.py").read_text()))
    example = set(re.findall(r"^# (\w+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE))
    readme = (BASE_DIR / "README.md").read_text()

    assert read == {name.removesuffix("_FILE") for name in example}
    assert all(f"`{name}`" in readme for name in read)
