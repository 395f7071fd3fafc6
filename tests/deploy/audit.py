"""What Roster is made of, and whether a hole in it is known.

`python -m tests.deploy.audit FILE` writes a software bill of materials (CycloneDX, JSON) and asks
PyPI about each library of the lock. It ends with 1 where a hole is known. Where PyPI cannot be
asked it says so, and fails only with `--strict`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent.parent
LOCK = BASE_DIR / "requirements.txt"


def tool(*words: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / words[0]
    return subprocess.run(
        [program, *words[1:]], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def write_bill(file: Path) -> int:
    """Write the bill of materials; return how many libraries are in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    options = ["--output-reproducible", "--pyproject", "pyproject.toml", "--output-format", "JSON"]
    done = tool("cyclonedx-py", "requirements", *options, "--output-file", str(file), LOCK.name)
    if done.returncode:
        sys.exit(done.stderr)
    return len(json.loads(file.read_text())["components"])


def ask() -> tuple[list[dict[str, Any]], list[str]]:
    """Return the libraries of which a hole is known, and those that could not be asked about."""
    options = ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off"]
    done = tool("pip-audit", *options, "--requirement", LOCK.name)
    if not done.stdout:
        return [], [done.stderr.strip().rpartition("\n")[2]]
    found = json.loads(done.stdout)["dependencies"]
    holes = [library for library in found if library.get("vulns")]
    return holes, [library["name"] for library in found if "skip_reason" in library]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("file", type=Path, help="where the bill of materials goes")
    options.add_argument("--strict", action="store_true", help="fail where PyPI cannot be asked")
    chosen = options.parse_args()
    say(f"{chosen.file}: {write_bill(chosen.file)} libraries")
    holes, unknown = ask()
    for library in holes:
        for hole in library["vulns"]:
            mended = ", ".join(hole["fix_versions"]) or "no version yet"
            say(f"{library['name']} {library['version']}: {hole['id']}, mended in {mended}")
    if unknown:
        say(f"PyPI could not be asked about {len(unknown)}: {', '.join(unknown)}")
    if holes or (unknown and chosen.strict):
        sys.exit(1)
    say("No hole is known." if not unknown else "Of the others no hole is known.")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
