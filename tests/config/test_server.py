"""The launcher."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.conf import settings
from granian import Granian

from config import draining, server
from tests.mails import free_port


def test_serves_the_bridge_with_the_workers_of_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[Any] = []
    port = free_port()
    monkeypatch.setattr(Granian, "serve", lambda granian: served.append(granian))  # noqa: PLW0108 # a built-in is not bound
    monkeypatch.setattr(sys, "argv", ["server", "--host", "0.0.0.0", "--port", str(port)])  # noqa: S104 # nothing listens

    server.main()

    assert [(one.target, one.bind_addr, one.bind_port) for one in served] == [
        ("config.rsgi:app", "0.0.0.0", port)  # noqa: S104 # nothing listens
    ]
    assert served[0].workers == settings.WEB_WORKERS


@pytest.mark.parametrize(
    ("limits", "allowed", "raised"),
    [
        ((1024, 524288), 4096, (4352, 524288)),
        ((1024, resource.RLIM_INFINITY), 4096, (4352, resource.RLIM_INFINITY)),
        ((1024, 2048), 1792, (2048, 2048)),
        ((128, 128), 1, (128, 128)),
        ((524288, 524288), 4096, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 4096, None),
    ],
)
def test_a_worker_has_as_many_connections_as_it_may_open_files_for(
    limits: tuple[int, int],
    allowed: int,
    raised: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: made.append(given))

    assert server.connections_allowed() == allowed
    assert made == ([raised] if raised else [])


def test_where_no_more_files_are_allowed_there_are_fewer_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(which: int, limits: tuple[int, int]) -> None:
        raise PermissionError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    assert server.connections_allowed() == 1024 - 256


@pytest.mark.parametrize("host", ["localhost", "", "fe80::1%lo", "127.1", "[::1]", "\udcff"])
def test_refuses_in_a_line_to_listen_on_what_is_no_address(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["server", "--host", host])

    with pytest.raises(SystemExit) as ended:
        server.main()

    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (  # after how it is called
        "server: error: argument --host: expected an address such as 127.0.0.1 or ::1, no name"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])  # noqa: S104 # nothing listens
def test_takes_addresses_of_both_kinds(host: str) -> None:
    assert server.address(host) == host


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Server]:
    """Lend a server that is to be told to stop, and would a second later."""
    stopped = Event()
    monkeypatch.setattr(server.Server, "_stop", lambda _: stopped.set())
    yield server.Server("config.rsgi:app", drain_seconds=1)
    assert stopped.wait(10)
    draining._is_told.clear()


def listed(worker: "subprocess.Popen[bytes]") -> Any:
    return SimpleNamespace(inner=SimpleNamespace(pid=worker.pid))


def test_who_is_forked_while_the_server_drains_is_told_and_the_dead_hold_up_nothing(
    drained: server.Server,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    drained.wrks = [listed(gone)]

    drained.signal_handler_interrupt(signal.SIGTERM)
    if (child := os.fork()) == 0:
        os._exit(0 if draining.is_draining() else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


IS_TOLD = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print(flush=True)
sys.exit(signal.sigtimedwait({signal.SIGUSR1}, 10) is None)
"""


@pytest.mark.parametrize("where", ["wrks", "leaving"])  # just started, or being replaced
def test_who_is_on_the_way_when_the_server_begins_to_drain_is_told(
    where: str, drained: server.Server
) -> None:
    with subprocess.Popen([sys.executable, "-c", IS_TOLD], stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        worker.stdout.readline()

        drained.signal_handler_interrupt(signal.SIGTERM)
        getattr(drained, where).append(listed(worker))

        assert worker.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_heard_while_the_main_thread_holds_what_it_waits_with(
    number: signal.Signals,
) -> None:
    told = server.Server("config.rsgi:app", drain_seconds=0)

    def interrupted() -> None:
        with told.main_loop_interrupt._cond:  # type: ignore[attr-defined] # as in its `wait`
            tell(told, number)

    main = Thread(target=interrupted, daemon=True)
    main.start()
    main.join(10)

    assert not main.is_alive()
    assert heard(told)


def tell(told: server.Server, number: signal.Signals) -> None:
    """Call the handler that Granian sets for this signal."""
    is_reload = number == signal.SIGHUP
    (told.signal_handler_reload if is_reload else told.signal_handler_interrupt)(number, None)


def heard(told: server.Server) -> bool:
    """Tell whether the main loop goes on, soon."""
    loop = Thread(target=told.main_loop_interrupt.wait, daemon=True)
    loop.start()
    loop.join(10)
    return not loop.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_not_forgotten_while_the_main_loop_gets_ready_to_wait(
    number: signal.Signals,
) -> None:
    told = server.Server("config.rsgi:app", drain_seconds=0)

    tell(told, number)
    told.main_loop_interrupt.clear()  # as Granian does when it begins to replace its workers

    assert heard(told)


def test_no_more_workers_are_replaced_once_all_are_to_stop() -> None:
    told = server.Server("config.rsgi:app", drain_seconds=0)
    told.wrks = workers = cast(Any, [object(), object()])

    told.signal_handler_interrupt(signal.SIGTERM, None)
    told._respawn_workers([0, 1], None, None)

    assert told.wrks is workers


def run(*command: str, counts: Path) -> "subprocess.CompletedProcess[str]":
    ours = {"DJANGO_SETTINGS_MODULE": "config.settings", "PROMETHEUS_MULTIPROC_DIR": str(counts)}
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | ours | {"METRICS_TOKEN": "a-token-of-some-length"},
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_commands_count_nothing(tmp_path: Path) -> None:
    assert run("manage.py", "check", counts=tmp_path / "absent").returncode == 0
    assert run("manage.py", "check", counts=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_says_in_a_line_why_a_folder_for_counts_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = run("-m", "config.server", counts=tmp_path / "file" / "counts")

    assert ended.returncode == 1
    assert ended.stderr == "PROMETHEUS_MULTIPROC_DIR: this folder cannot be used: Not a directory\n"


def test_takes_away_what_the_library_has_left_alone(tmp_path: Path) -> None:
    theirs = {"counter_1.db", "gauge_livesum_22.db", "histogram_3.db", "summary_4.db"}
    others = {"accounts.db", "counter_x.db", "histogram_3.db.bak"}
    for name in theirs | others:
        (tmp_path / name).touch()

    server.empty_folder(tmp_path)

    assert {file.name for file in tmp_path.iterdir()} == others


def test_sweeps_the_counts_of_servers_that_were_killed(tmp_path: Path) -> None:
    dead, held, young, other = (
        tmp_path / name
        for name in ("roster-counts-a", "roster-counts-b", "roster-counts-c", "roster-d")
    )
    for folder in (dead, held, young, other):
        folder.mkdir()
        (folder / "counter_1.db").touch()
    for folder in (dead, held, other):
        os.utime(folder, (0, 0))
    lock = os.open(held, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)

    server.sweep(tmp_path)
    os.close(lock)

    assert set(tmp_path.iterdir()) == {held, young, other}


def test_does_not_start_with_settings_it_cannot_understand() -> None:
    environment = os.environ | {"WEB_WORKERS": "many", "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-m", "config.server"],
        env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert "WEB_WORKERS: expected a whole number from 1 to 256" in ended.stderr
