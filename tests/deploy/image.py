"""The image without a container engine: the steps of the Dockerfile, each in a chroot.

`python -m tests.deploy.image FOLDER` builds it (as root; debootstrap makes Debian), then runs what
it runs: as its user, on a root file system that cannot be written. It prints the sizes, and ends
with 1 where a claim does not hold. What this machine tells pip and apt (mirrors, certificates) is
lent to the steps.
"""

import argparse
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.apps import apps

if not apps.ready:  # run by itself: what follows imports models
    django.setup()

from tests.live.conftest import BASE_DIR, ROOT, Service
from tests.mails import free_port

# Of this machine, to be read: (here, there). Certificates elsewhere than where a step may write.
LENT = {
    "etc/resolv.conf": "etc/resolv.conf",
    "etc/pip.conf": "etc/pip.conf",
    "etc/xdg/pip": "etc/xdg/pip",
    "root/.config/pip": "root/.config/pip",
    "etc/apt/apt.conf.d": "etc/apt/apt.conf.d",
    "etc/ssl/certs/ca-certificates.crt": "mnt/lent.crt",
}
TEMPORARY = "/tmp"  # noqa: S108 # of the image, and empty


@dataclass
class Stage:
    """One `FROM`: a folder that becomes a root, and what is said of how to run it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield (instruction, its words), lines that go on joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, rest = line.partition(" ")
        yield name.upper(), rest.strip()


def build(dockerfile: str, folder: Path, base: Path) -> Stage:
    """Do each instruction; return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    for name, words in instructions(dockerfile):
        say(f"{name} {words[:90]}")
        if name == "FROM":
            label = words.partition(" AS ")[2] or "last"
            stage = stages[label] = Stage(folder / label)
            subprocess.run(["cp", "-a", str(base), str(stage.root)], check=True)
        elif name == "RUN":
            run(stage, ["/bin/sh", "-ec", words])
        elif name == "COPY":
            copy(stage, stages, words)
        else:
            note(stage, name, words)
    return stage


def note(stage: Stage, name: str, words: str) -> None:
    """Keep what an instruction says of how the image is run."""
    match name:
        case "ENV":
            stage.environment |= dict(word.split("=", 1) for word in shlex.split(words))
        case "WORKDIR":
            stage.folder = words
            (stage.root / words.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "USER":
            stage.user = words
        case "CMD":
            stage.command = json.loads(words)
        case "HEALTHCHECK":
            stage.health = json.loads(words.partition("CMD ")[2])
        case "VOLUME" | "EXPOSE" | "STOPSIGNAL":
            pass  # for engines alone
        case _:
            raise NotImplementedError(name)


def copy(stage: Stage, stages: dict[str, Stage], words: str) -> None:
    source, target = words.split()[-2:]
    origin = BASE_DIR
    if words.startswith("--from="):
        origin = stages[words.split(maxsplit=1)[0].removeprefix("--from=")].root
    there = stage.root / stage.folder.lstrip("/") / target
    if target.startswith("/"):
        there = stage.root / target.lstrip("/")
    if (origin / source.lstrip("/")).is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc") if origin == BASE_DIR else None
        shutil.copytree(origin / source.lstrip("/"), there, symlinks=True, ignore=ignored)
    else:
        shutil.copy(origin / source.lstrip("/"), there)


def run(stage: Stage, command: list[str]) -> None:
    """Run one step as root, with what is lent to it mounted over what is there."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    mounts = "\n".join(
        lend(Path("/", here), stage.root / there)
        for here, there in LENT.items()
        if Path("/", here).exists()
    )
    script = f"{mounts}\nmount -t proc proc {stage.root}/proc\nexec chroot {stage.root} /bin/sh -c "
    script += shlex.quote(f"cd {stage.folder} && exec {shlex.join(command)}")
    given = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    given |= kept | {"PIP_CERT": "/mnt/lent.crt"} | stage.environment
    subprocess.run(["unshare", "-m", "sh", "-ec", script], env=given, check=True)


def lend(here: Path, there: Path) -> str:
    """Return a line of shell that shows what is here there, and lets nobody write to it."""
    make = f"mkdir -p {there}" if here.is_dir() else f"mkdir -p {there.parent} && touch {there}"
    return f"{make} && mount --bind {here} {there} && mount -o remount,ro,bind {there}"


def confined(stage: Stage, command: list[str], state: Path) -> list[str]:
    """Return a command that runs in the image: its user, no writable file system but two."""
    user, group = stage.user.split(":")
    root = stage.root
    script = f"""
    mount --bind {root} {root}
    mount --bind {state} {root}/var/lib/roster
    mount -t tmpfs tmpfs {root}{TEMPORARY}
    mount -t proc proc {root}/proc
    mount --bind /dev {root}/dev
    mount -o remount,ro,bind {root}
    exec /usr/sbin/chroot {root} /usr/bin/setpriv --reuid {user} --regid {group} --clear-groups \
      --no-new-privs --bounding-set=-all /bin/sh -c \
      {shlex.quote(f"cd {stage.folder} && exec {shlex.join(command)}")}
    """
    return ["unshare", "-m", "sh", "-ec", script]


@contextmanager
def serving(stage: Stage, state: Path, environment: dict[str, str]) -> Iterator[Service]:
    port, log = free_port(), state.parent / "log"
    command = confined(stage, [*stage.command, "--port", str(port)], state)
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)
    service = Service(port, log)
    try:
        deadline = time.monotonic() + 60
        while not is_ready(service):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(log.read_text())
            time.sleep(0.1)
        yield service
    finally:
        process.terminate()
        process.wait(timeout=40)


def is_ready(service: Service) -> bool:
    try:
        return service.call("GET", "/readyz").status == 200
    except OSError:
        return False


def size_of(folder: Path) -> int:
    printed = subprocess.run(
        ["du", "-sm", "--exclude=var/cache", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(printed.stdout.split()[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="an empty one, with room for 1 GB")
    options.add_argument("--base", type=Path, help="a Debian that debootstrap has made")
    options.add_argument("--mirror", default="http://deb.debian.org/debian")
    chosen = options.parse_args()
    folder: Path = chosen.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    base: Path = chosen.base or folder / "base"
    if not base.exists():
        make = ["debootstrap", "--variant=minbase", "bookworm", str(base), chosen.mirror]
        subprocess.run(make, check=True)
    stage = build((BASE_DIR / "Dockerfile").read_text(), folder, base)
    state = folder / "state"
    state.mkdir()
    user, group = map(int, stage.user.split(":"))
    os.chown(state, user, group)
    try_out(stage, state)
    say(f"Debian {size_of(base)} MB, the image {size_of(stage.root)} MB")


def try_out(stage: Stage, state: Path) -> None:
    """Do what an operator does with a new image: a database, an administrator, a session."""
    password = secrets.token_urlsafe(16)
    environment = stage.environment | {
        "DJANGO_SUPERUSER_EMAIL": ROOT,
        "DJANGO_SUPERUSER_NAME": "Root",
        "DJANGO_SUPERUSER_PASSWORD": password,
    }
    for words in ("migrate --verbosity 0", "check --deploy", "createsuperuser --noinput"):
        command = ["python", "manage.py", *words.split()]
        subprocess.run(confined(stage, command, state), env=environment, check=True)
    write = confined(stage, ["/bin/sh", "-c", "id -u; touch /opt/roster/x || touch /x"], state)
    tried = subprocess.run(write, env=environment, capture_output=True, text=True, check=False)
    claim(tried.returncode != 0 and tried.stdout == "10001\n", "its user can write nowhere")
    with serving(stage, state, environment) as service:
        tokens = service.log_in(password=password)
        user = service.call("GET", "/users/current", token=tokens["access"])
        claim(user.status == 200 and user.json["email"] == ROOT, "it serves")
        page = service.call("GET", "/admin/login/").body.decode()
        styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
        answers = [service.call("GET", path).status for path in styles]
        claim(bool(styles) and set(answers) == {200}, "its pages have their style")
        health = [word.replace(":8000", f":{service.port}") for word in stage.health]
        done = subprocess.run(confined(stage, health, state), env=environment, check=False)
        claim(done.returncode == 0, "its health check sees it")
        gone = [word.replace(":8000", f":{free_port()}") for word in stage.health]
        done = subprocess.run(
            confined(stage, gone, state), env=environment, check=False, stderr=subprocess.DEVNULL
        )
        claim(done.returncode != 0, "its health check sees where nothing answers")
    for program in ("pg_dump", "pg_restore"):
        subprocess.run(confined(stage, [program, "--version"], state), env=environment, check=True)
    claim("Traceback" not in service.log.read_text(), "no traceback in its log")
    found = [path for path in stage.root.rglob("secret_key*") if "site-packages" not in str(path)]
    claim(not found, "no key is in it")


def claim(holds: bool, words: str) -> None:
    say(f"{'ok  ' if holds else 'FAIL'} {words}")
    if not holds:
        sys.exit(1)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
