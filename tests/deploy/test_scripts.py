"""The scripts of an installation, run in a folder with stand-ins for Debian's programs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from tests.live.conftest import BASE_DIR

DEPLOY = BASE_DIR / "docs/deploy"
MACHINE = ("/etc/", "/opt/", "/usr/local/bin", "/var/lib/roster", "/var/backups")


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)


def rooted(text: str, root: Path) -> str:
    """Return what the text says, for a machine that begins at `root`."""
    for folder in MACHINE:
        text = text.replace(folder, f"{root}{folder}")
    return text


def moved(script: str, root: Path) -> Path:
    copy = root / script
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(rooted((DEPLOY / script).read_text(), root))
    copy.chmod(0o755)
    return copy


# What systemd 252 hands over for each of these lines.
LINES = """
# A comment; and one behind a semicolon, a line without a value, a name that is none:
; HIDDEN=1
HIDDEN
export HIDDEN=1
DATABASE_URL=postgres://u:a&b;c$HOME`id`@host/roster?x=1&y=<2>#3
SPACES=  two words \t
QUOTED="two words # $HOME \\"x\\" \\a"
SINGLE='it is "so" \\n $x '
JOINED=one \\
two
BEHIND="a b" c"d'
ESCAPED=a\\ b\\\\
EMPTY=
VAR_DIR=/elsewhere
"""
ARRIVES = {
    "DATABASE_URL": "postgres://u:a&b;c$HOME`id`@host/roster?x=1&y=<2>#3",
    "SPACES": "two words",
    "QUOTED": 'two words # $HOME "x" \\a',
    "SINGLE": 'it is "so" \\n $x ',
    "JOINED": "one two",
    "BEHIND": "a bc\"d'",
    "ESCAPED": "a b\\",
    "EMPTY": "",
    "VAR_DIR": "/elsewhere",
}


def commanded(
    settings: str, root: Path, bin_folder: Path, code: str = "opt/roster", **environment: str
) -> subprocess.CompletedProcess[str]:
    program(
        bin_folder, "runuser", '#!/bin/sh\n[ "$1 $2 $3" = "-u roster --" ]; shift 3; exec "$@"\n'
    )
    python = root / code / ".venv/bin"
    python.mkdir(parents=True)
    says = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]))"
    program(python, "python", f"#!/bin/sh\nexec {sys.executable} -c '{says}' \"$@\"\n")
    (root / "etc/roster").mkdir(parents=True)
    (root / "etc/roster/environment").write_text(settings)
    return subprocess.run(
        [moved("roster", root), "backup", "a b"],
        env={"PATH": f"{bin_folder}:{os.defpath}", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_command_has_the_settings_that_systemd_gives_the_service(
    tmp_path: Path, bin_folder: Path
) -> None:
    done = commanded(LINES, tmp_path, bin_folder)

    assert done.returncode == 0, done.stderr
    words, folder, environment = json.loads(done.stdout)
    assert words == ["manage.py", "backup", "a b"]
    assert folder == str(tmp_path / "opt/roster")
    assert {name: environment.get(name) for name in ARRIVES} == ARRIVES
    assert "HIDDEN" not in environment


def test_a_command_is_of_the_release_that_is_named(tmp_path: Path, bin_folder: Path) -> None:
    new = str(tmp_path / "opt/roster.new")

    done = commanded("SPACES=a b\n", tmp_path, bin_folder, "opt/roster.new", ROSTER_CODE=new)

    assert done.returncode == 0, done.stderr
    words, folder, environment = json.loads(done.stdout)
    assert (words, folder) == (["manage.py", "backup", "a b"], new)
    assert environment["SPACES"] == "a b"
    assert environment["VAR_DIR"] == str(tmp_path / "var/lib/roster")


def test_a_command_refuses_settings_that_releases_of_systemd_read_differently(
    tmp_path: Path, bin_folder: Path
) -> None:
    done = commanded("# a comment \\\nDATABASE_URL=sqlite:////tmp/x\n", tmp_path, bin_folder)

    assert done.returncode == 1
    assert "a comment ends in \\" in done.stderr
    assert done.stdout == ""


def secrets(folder: Path, bin_folder: Path) -> subprocess.CompletedProcess[str]:
    for name in ("cat", "chmod", "mkdir", "mv", "rm", "touch"):
        if not (bin_folder / name).exists():
            (bin_folder / name).symlink_to(f"/bin/{name}")
    return subprocess.run(
        ["/bin/sh", DEPLOY / "secrets.sh"],
        cwd=folder, env={"PATH": str(bin_folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_secrets_are_closed_in_a_folder_that_was_open(tmp_path: Path, bin_folder: Path) -> None:
    (bin_folder / "openssl").symlink_to("/usr/bin/openssl")
    (tmp_path / "secrets").mkdir(mode=0o755)

    done = secrets(tmp_path, bin_folder)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_no_secret_is_made_without_openssl(tmp_path: Path, bin_folder: Path) -> None:
    done = secrets(tmp_path, bin_folder)

    assert done.returncode == 1
    assert "Made" not in done.stdout
    assert "openssl" in done.stderr
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("fault", ["exit 0", "echo half; exit 1"])
def test_a_secret_is_whole_or_not_there_and_made_the_next_time(
    fault: str, tmp_path: Path, bin_folder: Path
) -> None:
    program(bin_folder, "openssl", f"#!/bin/sh\n{fault}\n")
    broken = secrets(tmp_path, bin_folder)
    left = list((tmp_path / "secrets").iterdir())
    (bin_folder / "openssl").unlink()
    (bin_folder / "openssl").symlink_to("/usr/bin/openssl")

    done = secrets(tmp_path, bin_folder)

    assert (broken.returncode, left) == (1, [])
    assert "secrets/database_password could not be made" in broken.stderr
    assert done.returncode == 0, done.stderr
    password = (tmp_path / "secrets/database_password").read_text().strip()
    url = (tmp_path / "secrets/database_url").read_text()
    assert len(password) == 48
    assert url == f"postgres://roster:{password}@database:5432/roster\n"


# Debian's programs that an installation asks for, in a folder that is the machine.
PROGRAMS = {
    "id": 'test "$1" != -u || echo 0',
    "apt-get": "",
    "systemctl": 'case "$*" in restart*timer*) test ! -e $ROOT/no-timers;; '
    "restart*) test ! -e $ROOT/no-start;; show*ExecStart*) cat $ROOT/unit;; esac",
    "sleep": "",
    "chgrp": "",
    "runuser": 'shift 3; exec "$@"',
    "install": 'for word; do shift; case $word in --owner=*|--group=*) ;; *) set -- "$@" "$word";; '
    'esac; done; exec /usr/bin/install "$@"',
    # Each fails where it has been before, as in PostgreSQL.
    "createuser": "mkdir $ROOT/role",
    "createdb": "mkdir $ROOT/database; test ! -e $ROOT/no-database",
    "psql": 'case "$*" in *pg_roles*) test ! -d $ROOT/role;; *) test ! -d $ROOT/database;; esac '
    "|| echo 1",
    "python3": f'case "$*" in *readyz*) exec {sys.executable} "$@";; esac; '
    "mkdir -p .venv/bin; : >.venv/pyvenv.cfg; for name in python pip; do "
    'cp $ROOT/bin/of-venv .venv/bin/$name; echo "# $ROOT/opt/roster.new" >>.venv/bin/$name; done',
    "of-venv": "case $* in *migrate*) ls -a $ROOT/opt/roster >$ROOT/old; pwd >$ROOT/migrated;"
    "test ! -e $ROOT/no-migration;; *) test ! -e $ROOT/no-${0##*/};; esac",
}
NAMES = ("config", "users", "clients", "templates", "docs/deploy/systemd")


class Service(HTTPServer):
    """What the unit starts: says of itself one answer after the other, the last one for ever."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Probes)
        self.answers = [200]
        self.asked = 0


class Probes(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        answers = self.server.answers
        self.server.asked += 1
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status if self.path == "/readyz" else 404)
        self.end_headers()

    @override
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def service(host: str) -> Iterator[Service]:
    with Service(host) as made:
        Thread(target=made.serve_forever, args=[0.01], daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def host() -> str:
    return "127.0.0.1"


class Machine:
    """A release and a folder that it is installed into."""

    def __init__(self, root: Path, bin_folder: Path, port: int) -> None:
        self.root, self.bin_folder = root, bin_folder
        for name, text in PROGRAMS.items():
            program(bin_folder, name, f"#!/bin/sh\n{text}\n")
        for name in ("etc/systemd/system", "usr/local/bin", "opt", "var/backups", "var/lib"):
            (root / name).mkdir(parents=True)
        for name in NAMES:
            (root / "release" / name).mkdir(parents=True)
            (root / "release" / name / "file").touch()
        for name in ("manage.py", "README.md", "requirements.txt"):
            (root / "release" / name).touch()
        moved("install.sh", root).rename(root / "release/docs/deploy/install.sh")
        moved("roster", root).rename(root / "release/docs/deploy/roster")
        self.settings = root / "etc/roster/environment"
        self.serve_by(f"--port {port}")

    def serve_by(self, options: str) -> None:
        """Let the unit start the service with these, as `systemctl show` has it."""
        python = "/opt/roster/.venv/bin/python"
        (self.root / "unit").write_text(
            f"{{ path={python} ; argv[]={python} -m config.server {options} ; ignore_errors=no ; "
            "start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n"
        )

    def install(self, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        return self.run(self.root / "release/docs/deploy/install.sh", umask=umask)

    def run(self, *arguments: str | Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        local = self.root / "usr/local/bin"
        return subprocess.run(
            ["/bin/sh", *arguments],
            cwd=self.root,
            env={"PATH": f"{self.bin_folder}:{local}:{os.defpath}", "ROOT": str(self.root)},
            umask=umask, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path, bin_folder: Path, service: Service) -> Machine:
    return Machine(tmp_path, bin_folder, service.server_port)


@pytest.mark.parametrize("fault", ["no-pip", "no-database"])
def test_an_installation_that_broke_off_is_run_again(fault: str, machine: Machine) -> None:
    (machine.root / fault).touch()
    broken = machine.install()
    left = machine.settings.exists()
    (machine.root / fault).unlink()

    done = machine.install()

    assert (broken.returncode == 0, left) == (False, False)
    assert done.returncode == 0, done.stderr
    assert "set PUBLIC_URL" in done.stdout
    assert (machine.root / "role").is_dir()
    assert (machine.root / "database").is_dir()
    written = machine.settings.read_text()
    assert "\nDATABASE_URL=postgres://%2Fvar%2Frun%2Fpostgresql/roster\n" in written
    assert machine.settings.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in machine.settings.parent.iterdir()] == ["environment"]


def test_an_upgrade_leaves_the_settings_alone(machine: Machine) -> None:
    machine.install()
    machine.settings.write_text(machine.settings.read_text() + "PUBLIC_URL=https://a.example\n")
    before = machine.settings.read_text()

    done = machine.install()

    assert done.returncode == 0, done.stderr
    assert machine.settings.read_text() == before
    assert "set PUBLIC_URL" not in done.stdout
    assert (machine.root / "opt/roster.old/manage.py").exists()


def test_the_new_release_migrates_while_the_old_one_stands(machine: Machine) -> None:
    machine.install()
    (machine.root / "opt/roster/served").touch()

    done = machine.install()

    assert done.returncode == 0, done.stderr
    assert (machine.root / "migrated").read_text() == f"{machine.root}/opt/roster.new\n"
    assert "served" in (machine.root / "old").read_text().split()


def test_a_migration_that_fails_leaves_the_old_release_in_its_place(machine: Machine) -> None:
    machine.install()
    served = machine.root / "opt/roster/served"
    served.touch()
    (machine.root / "release/docs/deploy/systemd/newer").touch()
    (machine.root / "no-migration").touch()

    broken = [machine.install().returncode for _ in range(2)]

    assert 0 not in broken
    assert served.exists()
    assert not (machine.root / "etc/systemd/system/newer").exists()


def test_the_release_that_served_is_kept_through_upgrades_that_break_off(machine: Machine) -> None:
    machine.install()
    served = machine.root / "opt/roster/served"
    served.touch()
    (machine.root / "no-start").touch()
    broken = [machine.install().returncode for _ in range(2)]
    kept = machine.root / "opt/roster.old/served"
    kept_through = kept.exists()
    (machine.root / "no-start").unlink()

    done = machine.install()

    assert 0 not in broken
    assert done.returncode == 0, done.stderr
    assert (kept_through, kept.exists(), served.exists()) == (True, True, False)
    assert not (machine.root / "opt/roster/.unfinished").exists()


def test_an_installation_waits_until_the_service_is_ready(
    machine: Machine, service: Service
) -> None:
    service.answers = [503, 503, 200]

    done = machine.install()

    assert done.returncode == 0, done.stderr
    assert service.asked == 3
    assert f"Roster serves on 127.0.0.1:{service.server_port}." in done.stdout
    assert not (machine.root / "opt/roster/.unfinished").exists()


@pytest.mark.parametrize("host", ["127.0.0.2"])
@pytest.mark.parametrize("sign", [" ", "="])
def test_the_service_is_asked_where_its_unit_lets_it_serve(
    sign: str, host: str, machine: Machine, service: Service
) -> None:
    machine.serve_by(f"--host{sign}{host} --port{sign}{service.server_port}")

    done = machine.install()

    assert done.returncode == 0, done.stderr
    assert f"Roster serves on {host}:{service.server_port}." in done.stdout


# Ten seconds later each time it is asked.
CLOCK = "#!/bin/sh\necho >>$ROOT/asked; echo $(($(wc -l <$ROOT/asked) * 10))\n"


@pytest.mark.parametrize("fault", ["not ready", "gone"])
def test_a_release_that_does_not_serve_is_not_taken_for_one_that_does(
    fault: str, machine: Machine, service: Service
) -> None:
    machine.install()
    (machine.root / "opt/roster/served").touch()
    service.answers = [503]
    if fault == "gone":
        machine.serve_by("--port 1")
    program(machine.bin_folder, "date", CLOCK)

    broken = [machine.install() for _ in range(2)]

    for done in broken:
        assert done.returncode == 1
        assert "Roster serves" not in done.stdout
        assert "journalctl -u roster" in done.stderr
    assert service.asked == (1 if fault == "gone" else 1 + 2 * 3)
    assert (machine.root / "opt/roster/.unfinished").exists()
    assert (machine.root / "opt/roster.old/served").exists()


# Killed when it has removed the mark alone, or the first file of a release without one.
KILLED = """#!/bin/sh
for folder; do
  for first in "$folder/.unfinished" "$folder/manage.py"; do
    [ ! -e "$first" ] || [ "$folder" = $ROOT/opt/roster.new ] || { /bin/rm "$first"; exit 137; }
  done
done
exec /bin/rm "$@"
"""


def test_a_removal_that_broke_off_makes_no_release_of_what_is_left(machine: Machine) -> None:
    machine.install()
    (machine.root / "opt/roster/served").touch()
    (machine.root / "no-start").touch()
    machine.install()
    program(machine.bin_folder, "rm", KILLED)
    broken = [machine.install().returncode for _ in range(2)]
    (machine.bin_folder / "rm").unlink()
    kept = machine.root / "opt/roster.old"
    kept_through = (kept / "served").exists(), (kept / "manage.py").exists()
    (machine.root / "no-start").unlink()

    done = machine.install()

    assert 0 not in broken
    assert done.returncode == 0, done.stderr
    assert kept_through == (True, True)
    assert (kept / "served").exists()
    assert sorted(path.name for path in (machine.root / "opt").iterdir()) == [
        "roster", "roster.old",
    ]  # fmt: skip


def test_the_release_before_is_whole_or_not_there(machine: Machine) -> None:
    for _ in range(2):
        machine.install()
    program(machine.bin_folder, "rm", KILLED)

    broken = machine.install()

    assert broken.returncode != 0
    assert (machine.root / "opt/roster.old/manage.py").exists()


GUIDE = (BASE_DIR / "docs/operations.md").read_text()
UPGRADING = GUIDE.partition("\n## Upgrading\n")[2].partition("\n## ")[0]
BACK = UPGRADING.partition("```sh\n")[2].partition("```\n")[0]


def test_the_release_before_is_put_back_as_the_guide_has_it(machine: Machine) -> None:
    root = machine.root
    files = [root / "etc/systemd/system/file", root / "usr/local/bin/roster"]
    machine.install()
    (root / "opt/roster/served").touch()
    before = [path.read_text() for path in files]
    for name in ("systemd/file", "roster"):
        with (root / "release/docs/deploy" / name).open("a") as file:
            file.write("# newer\n")
    (root / "no-start").touch()
    machine.install()
    newer = [path.read_text() for path in files]
    (root / "no-start").unlink()

    done = machine.run("-c", rooted(BACK, root))

    assert done.returncode == 0, done.stderr
    assert (root / "opt/roster/served").exists()
    assert newer == [text + "# newer\n" for text in before]
    assert [path.read_text() for path in files] == before
    assert os.access(files[1], os.X_OK)
    again = machine.install()
    assert again.returncode == 0, again.stderr
    assert (root / "opt/roster.old/served").exists()
    assert not (root / "opt/roster.gone").exists()


def test_what_serves_stays_where_there_is_nothing_to_put_back(machine: Machine) -> None:
    machine.install()
    (machine.root / "opt/roster/served").touch()

    done = machine.run("-c", rooted(BACK, machine.root))

    assert done.returncode != 0
    assert (machine.root / "opt/roster/served").exists()


def test_a_release_that_serves_has_served_though_a_timer_fails(machine: Machine) -> None:
    (machine.root / "no-timers").touch()

    broken = machine.install()

    assert broken.returncode != 0
    assert "Roster serves" not in broken.stdout
    assert not (machine.root / "opt/roster/.unfinished").exists()


def test_the_release_before_is_kept_where_none_stands_in_its_place(machine: Machine) -> None:
    """As it is between the two moves of an upgrade."""
    kept = machine.root / "opt/roster.old/served"
    kept.parent.mkdir()
    kept.touch()

    done = machine.install()

    assert done.returncode == 0, done.stderr
    assert kept.exists()


def test_code_can_be_read_whatever_the_mask_of_root(machine: Machine) -> None:
    for path in (machine.root / "release").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)

    done = machine.install(umask=0o077)

    assert done.returncode == 0, done.stderr
    code = machine.root / "opt/roster"
    for path in [code, *code.rglob("*")]:
        mode = path.stat().st_mode
        assert mode & 0o044 == 0o044, path
        assert not path.is_dir() or mode & 0o011 == 0o011, path
    assert machine.settings.stat().st_mode & 0o777 == 0o640


def test_who_restores_is_told_whose_backups_to_trust() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", "--help"],
        cwd=BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "Restore only what you made yourself" in " ".join(done.stdout.split())
