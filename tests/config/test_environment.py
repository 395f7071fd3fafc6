"""The environment variables: each bad value is told by name and reason, all at once."""

import os
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment as env
from config.postgresql.limits import limit_statements
from config.secret_files import kept_secret

ROOT = Path(__file__).resolve().parents[2]
KEY_OF_OUR_OWN = "an-installation's-own-" + "7" * 3 + "-" + "q" * 20  # nowhere as it is
KEY = "k3y-of-an-installation-0123456789-abcdef"


def load(**variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, with nothing but these variables.

    The key for tokens is given, or one would be made in var/.
    """
    names = ("PATH", "COVERAGE_PROCESS_START", "JWT_PRIVATE_KEY")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", "from config import settings as s; print(s.DEBUG, s.WEB_WORKERS)"],
        cwd=ROOT,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def faults_of(name: str, parse: Callable[[str], Any], value: str) -> list[str]:
    reader = env.Environment({name: value})
    assert reader.read(name, parse, "default") == "default"
    return reader.faults


WORKERS = env.whole(1, 256)


@pytest.mark.parametrize(
    ("parse", "values", "reason"),
    [
        (env.flag, ["2", "yess", "y", "t", "None", "true false"], "expected true or false"),
        (WORKERS, ["0", "257", "-1", "+1", "1.0", "1e1", "1_0", "x", "\u0661", "9" * 5000,
                   "0000000019999999"], "expected a whole number from 1 to 256"),
        (env.origin, ["example.com", "//example.com", "ftp://example.com", "https://", "https://:80",
                      "https://a b", "https://a:0", "https://a:", "https://a\">", "javascript:x",
                      "https://b\u00fccher.example"],
         "expected an address such as https://accounts.example.com"),
        (env.origin, ["https://a/b", "https://a?b", "https://a#b", "https://u:p@a"],
         "expected scheme, host and port alone, without path or user"),
        (env.networks, ["10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0/8 10.1.1.1", "*"],
         "expected addresses or networks such as 10.0.0.0/8, by comma"),
        (env.database,
         ["x", "mysql://u:p@h/n", "postgres://", "postgres://u:p@h", "postgres://u:p@h:port/n",
          "postgres://u:p@h:99999/n", "postgres://u:p@[::1/n", "postgis://u:p@h/n",
          "timescale://u:p@h/n", "postgres:/u:p@h/n", "/var/db.sqlite3", "postgres://u:p@h,/n",
          "postgres://u:p@h,g:port/n", "postgres://u:p@h,g:0/n", "postgres://u:p@h,[::1/n",
          "postgres://u:p@h,g", "mysql://u:p@h,g/n", "postgres://u:p@h,g!/n"],
         "expected postgres://user:password@host:port/name or sqlite:///file"),
        (env.database,
         ["postgres://u:p@h/n?prepare_threshold=5",
          "postgres://u:p@h/n?prepare_threshold=x", "postgres://u:p@h/n?server_side_binding=maybe"],
         "expected server_side_binding=false to prepare no statements"),
        (env.database, ["postgres://u:p@h/n?pgbouncer=session", "postgres://u:p@h/n?pgbouncer=2"],
         "expected pgbouncer=true for a pooler in transaction mode"),
        (env.mail_server,
         ["x", "smtp://", "http://h", "smtp://h:0", "smtp://h:99999", "smtp://h:port", "smtp://[::1",
          "smtps://h/path", "smtps://h?x=1", "smtps://h#x", "console"],
         "expected smtps://user:password@host:465, or smtp+tls:// (STARTTLS), or smtp://host"),
        (env.mail_server, ["smtp://u:p@h", "smtp://u:p@h:587"],
         "smtp:// would send the password in clear: use smtps:// or smtp+tls://"),
        (env.collector, ["x", "127.0.0.1:4318", "grpc://h:4317", "http://", "http:///v1/traces"],
         "expected an address such as http://127.0.0.1:4318"),
        (env.one_of("json", "text"), ["xml", "json text", "1"], "expected json or text"),
        (env.bearer_token, ["x" * 15, "x" * 16 + " y", "\u00fc" * 16, "=" * 16, "x" * 16 + "\n\n-"],
         "expected at least 16 letters, digits or -._~+/, such as openssl rand -hex 32"),
        (env.mailbox, ["x", "x@", "A <x>", "A <a@example.com", "a@example.com\nBcc: b@example.com",
                       "a@example.com, b@example.com", "a@b"],
         "expected an address such as Accounts <accounts@example.com>"),
    ],
)  # fmt: skip
def test_bad_value_is_told_by_name_and_reason(
    parse: Callable[[str], Any], values: list[str], reason: str
) -> None:
    for value in values:
        assert faults_of("NAME", parse, value) == [f"NAME: {reason}"], value


@pytest.mark.parametrize("value", ["http://[bad", "https://a:abc", "https://a:99999"])
def test_unreadable_address_is_a_fault(value: str) -> None:
    (fault,) = faults_of("PUBLIC_URL", env.origin, value)

    assert fault.startswith("PUBLIC_URL: ")


@pytest.mark.parametrize(
    ("parse", "value", "expected"),
    [
        (env.flag, "1", True), (env.flag, " TRUE ", True), (env.flag, "on", True),
        (env.flag, "No", False), (env.flag, "0", False), (env.flag, "off", False),
        (WORKERS, "1", 1), (WORKERS, "256", 256), (WORKERS, " 7\n", 7), (WORKERS, "007", 7),
        (env.names, " a, ,b ,", ["a", "b"]),
        (env.origin, "HTTPS://Example.COM:8443/", "https://example.com:8443"),
        (env.origin, "http://[::1]:8000", "http://[::1]:8000"),
        (env.origins, "https://a.example, http://b.example:81",
         ["https://a.example", "http://b.example:81"]),
        (env.form_origins, "https://*.A.example,http://b", ["https://*.a.example", "http://b"]),
        (env.hosts, "a.example, .b.example,[::1],*", ["a.example", ".b.example", "[::1]", "*"]),
    ],
)  # fmt: skip
def test_good_value_is_read(parse: Callable[[str], Any], value: str, expected: Any) -> None:
    reader = env.Environment({"NAME": value})

    assert reader.read("NAME", parse, None) == expected
    reader.check()


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_is_unset(value: str) -> None:
    assert env.Environment({"NAME": value}).read("NAME", env.flag, True) is True
    assert env.Environment({}).secret("NAME", env.names, ["default"]) == ["default"]


def test_networks_of_both_families() -> None:
    assert [str(network) for network in env.networks("10.0.0.0/8, ::1,192.0.2.1")] == [
        "10.0.0.0/8",
        "::1/128",
        "192.0.2.1/32",
    ]


def test_all_faults_are_told_at_once() -> None:
    reader = env.Environment({"DEBUG": "maybe", "WEB_WORKERS": "many", "GOOD": "1"})
    for name, parse in (("DEBUG", env.flag), ("WEB_WORKERS", WORKERS), ("GOOD", WORKERS)):
        reader.read(name, parse, None)

    with pytest.raises(ImproperlyConfigured) as refusal:
        reader.check()
    assert str(refusal.value).splitlines() == [
        "The environment is not usable:",
        "DEBUG: expected true or false",
        "WEB_WORKERS: expected a whole number from 1 to 256",
    ]


# Databases


def test_sqlite_waits_writes_ahead_and_syncs() -> None:
    config = env.database("sqlite:////srv/db.sqlite3")

    assert config["NAME"] == "/srv/db.sqlite3"
    assert config["OPTIONS"]["timeout"] >= 5
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in config["OPTIONS"]["init_command"]


@pytest.mark.parametrize(
    ("query", "age"), [("", 60), ("?sslmode=require", 60), ("?pool=true", 0), ("?pool=false", 60)]
)
def test_postgresql_keeps_connections_unless_a_pool_does(query: str, age: int) -> None:
    config = env.database(f"postgres://u:p%40ss@db.example:5433/roster{query}")

    expected = ("u", "p@ss", "db.example", 5433, "roster")
    assert tuple(config[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == expected
    assert config["CONN_MAX_AGE"] == age
    assert config["CONN_HEALTH_CHECKS"] is True
    assert config["OPTIONS"]["connect_timeout"] == 2


@pytest.mark.parametrize("parse", [env.database, env.replica])
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sslmod=require", "unknown option sslmod"),
        ("PGBOUNCER=true", "unknown option PGBOUNCER"),
        ("s3cr3t!=x", "unknown option"),
        ("connect_timeout=abc", "expected a whole number for the option connect_timeout"),
        ("connect_timeout=true", "expected a whole number for the option connect_timeout"),
        ("connect_timeout=1&connect_timeout=2",
         "expected a whole number for the option connect_timeout"),
        ("answer_timeout=abc", "expected a whole number for the option answer_timeout"),
        ("keepalives_idle=5s", "expected a whole number for the option keepalives_idle"),
        ("pool=5", "expected true or false for the option pool"),
        ("sslmode=requires",
         "expected disable, allow, prefer, require, verify-ca, verify-full for the option sslmode"),
        ("application_name=a&application_name=b",
         "the option application_name is given more than once"),
    ],
)  # fmt: skip
def test_option_that_could_not_be_used_is_told_at_the_start(
    parse: Callable[[str], Any], query: str, reason: str
) -> None:
    assert faults_of("NAME", parse, f"postgres://u:p@h/n?{query}") == [f"NAME: {reason}"]


def test_options_of_libpq_django_and_ours_are_taken() -> None:
    query = "sslmode=verify-full&sslrootcert=/ca.pem&application_name=a&options=-c%20work_mem=8MB"
    ours = "pool=true&server_side_binding=false&pgbouncer=true&answer_timeout=0&keepalives=1"

    options = env.database(f"postgres://u:p@h/n?{query}&{ours}")["OPTIONS"]

    assert (options["sslmode"], options["options"]) == ("verify-full", "-c work_mem=8MB")
    assert env.database("postgres://u:p@h/n?currentSchema=x")["OPTIONS"]["options"]


def test_connect_timeout_of_the_address_wins() -> None:
    config = env.database("postgres://u:p@h/n?connect_timeout=9")

    assert config["OPTIONS"]["connect_timeout"] in (9, "9")


def test_vanished_server_is_noticed_within_seconds() -> None:
    options = env.database("postgres://u:p@h/n?tcp_user_timeout=9000")["OPTIONS"]

    assert options["keepalives_idle"] <= 5
    assert options["tcp_user_timeout"] in (9000, "9000")


def test_pool_waits_no_longer_than_a_connection_may_take() -> None:
    options = env.database("postgres://u:p@h/n?pool=true")["OPTIONS"]

    assert options["pool"] == {"timeout": 2}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "-c statement_timeout=7s -c idle_in_transaction_session_timeout=60s"),
        (
            {"options": "-c statement_timeout=9s"},
            "-c statement_timeout=7s -c idle_in_transaction_session_timeout=60s"
            " -c statement_timeout=9s",  # the last one holds
        ),
    ],
)
def test_statements_of_requests_are_limited_on_postgresql(
    given: dict[str, str], expected: str
) -> None:
    ours = {"ENGINE": "config.postgresql", "OPTIONS": dict(given)}
    sqlite = env.database("sqlite:////srv/db.sqlite3")
    before = dict(sqlite["OPTIONS"])
    limit_statements({"default": ours, "other": sqlite}, 7)

    assert ours["OPTIONS"] == {"options": expected, "answer_timeout": 14}
    assert sqlite["OPTIONS"] == before


@pytest.mark.parametrize(("seconds", "has_pooler"), [(0, False), (5, True)])
def test_no_limit_and_no_pooler_is_sent_a_parameter(seconds: int, has_pooler: bool) -> None:
    ours = env.database("postgres://u:p@h/n") | {"DISABLE_SERVER_SIDE_CURSORS": has_pooler}
    limit_statements({"default": ours}, seconds)

    assert "options" not in ours["OPTIONS"]


@pytest.mark.parametrize(
    ("hosts", "names", "ports"),
    [
        ("one,two", "one,two", "5432,5432"),
        ("one.example:5433,two", "one.example,two", "5433,5432"),
        ("10.0.0.1:1,10.0.0.2:2,[2001:db8::1]:3", "10.0.0.1,10.0.0.2,2001:db8::1", "1,2,3"),
    ],
)
def test_several_hosts_are_named_as_libpq_has_them(hosts: str, names: str, ports: str) -> None:
    config = env.database(f"postgres://u:p%40s,s@{hosts}/roster?target_session_attrs=read-write")

    assert (config["HOST"], config["PORT"]) == (names, ports)
    assert (config["USER"], config["PASSWORD"], config["NAME"]) == ("u", "p@s,s", "roster")
    assert config["OPTIONS"]["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    ("query", "is_binding", "is_without_cursors"),
    [
        ("", True, False),
        ("?server_side_binding=false", False, False),
        ("?pgbouncer=true", False, True),
        ("?pgbouncer=true&server_side_binding=true", True, True),
        ("?pgbouncer=false", True, False),
    ],
)
def test_behind_a_pooler_nothing_outlives_a_transaction(
    query: str, is_binding: bool, is_without_cursors: bool
) -> None:
    config = env.database(f"postgres://u:p@h/n{query}")

    assert config["OPTIONS"]["server_side_binding"] is is_binding
    assert config["DISABLE_SERVER_SIDE_CURSORS"] is is_without_cursors
    assert "pgbouncer" not in config["OPTIONS"]


def test_replica_is_given_up_on_before_the_primary_is() -> None:
    primary, replica = env.database("postgres://u:p@h/n"), env.replica("postgres://u:p@h/n")

    assert replica["OPTIONS"]["tcp_user_timeout"] < primary["OPTIONS"]["tcp_user_timeout"]
    assert replica["OPTIONS"]["answer_timeout"] == 10
    assert "answer_timeout" not in primary["OPTIONS"]
    assert replica["TEST"] == {"MIRROR": "default"}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "required with it is its primary, in DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:////srv/db.sqlite3"},
         "required with it is its primary, in DATABASE_URL"),
        ({"DATABASE_REPLICA_URL": "sqlite:////srv/hunter2secret"},
         "expected postgres://user:password@host:port/name, only that has replicas"),
        ({"DATABASE_REPLICA_URL": "postgres://u:hunter2secret@h:port/n"},
         "expected postgres://user:password@host:port/name or sqlite:///file"),
    ],
)  # fmt: skip
def test_replica_without_its_primary_is_refused(variables: dict[str, str], reason: str) -> None:
    replica = {"DATABASE_REPLICA_URL": "postgres://u:hunter2secret@h/n"}
    finished = load(SECRET_KEY=KEY_OF_OUR_OWN, **{**replica, **variables})

    assert finished.returncode != 0
    assert f"DATABASE_REPLICA_URL: {reason}" in finished.stderr
    assert "hunter2secret" not in finished.stderr


# Secrets


@pytest.mark.parametrize("content", [KEY, f"{KEY}\n", f"  {KEY}  \n\n"])
def test_secret_may_stand_in_a_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(content)
    reader = env.Environment({"SECRET_KEY_FILE": str(tmp_path / "key")})

    assert reader.secret("SECRET_KEY", str, "") == KEY
    reader.check()


def test_secret_stands_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    reader = env.Environment({"SECRET_KEY": KEY, "SECRET_KEY_FILE": str(tmp_path / "key")})
    reader.secret("SECRET_KEY", str, "")

    assert reader.faults == ["SECRET_KEY: set it or SECRET_KEY_FILE, not both"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read as text"), (b"\xff\xfe", "cannot be read as text"),
     (b"", "is empty"), (b" \n", "is empty")],
)  # fmt: skip
def test_unusable_file_is_a_fault(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    reader = env.Environment({"SECRET_KEY_FILE": str(file)})

    assert reader.secret("SECRET_KEY", str, "default") == "default"
    assert reader.faults == [f"SECRET_KEY_FILE: this file {reason}"]


def test_directory_is_no_secret(tmp_path: Path) -> None:
    reader = env.Environment({"SECRET_KEY_FILE": str(tmp_path)})
    reader.secret("SECRET_KEY", str, "")

    assert reader.faults == ["SECRET_KEY_FILE: this file cannot be read as text"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 31, "expected at least 32 characters"),
        ("django-insecure-" + "x" * 50, "this is a sample of Django's, make one of your own"),
        ("published-in-the-readme-0123456789", "this value is published with the source"),
        ("published-in-an-example-0123456789", "this value is published with the source"),
        ("published-in-a-module-0123456789ab", "this value is published with the source"),
        ("published-in-the-pipeline-01234567", "this value is published with the source"),
    ],
)
def test_weak_and_published_keys_are_refused(value: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("SECRET_KEY=published-in-the-readme-0123456789\n")
    (tmp_path / ".env.example").write_text("SECRET_KEY=published-in-an-example-0123456789\n")
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text("SECRET_KEY=published-in-the-pipeline-01234567 x\n")
    (tmp_path / "users" / "auth").mkdir(parents=True)
    (tmp_path / "users" / "auth" / "x.py").write_text('KEY = "published-in-a-module-0123456789ab"')
    reader = env.Environment({"SECRET_KEY": value})
    reader.secret("SECRET_KEY", env.secret_key(tmp_path), "")

    (fault,) = reader.faults
    assert fault.startswith(f"SECRET_KEY: {reason}")
    assert value not in fault


def test_key_of_ones_own_is_taken(tmp_path: Path) -> None:
    assert env.secret_key(tmp_path)("x" * 32) == "x" * 32


def test_value_found_in_this_repository_is_refused() -> None:
    """As `KEY` is: it stands above."""
    with pytest.raises(ValueError, match="published with the source"):
        env.secret_key(ROOT)(KEY)


def test_kept_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "var" / "key"

    first, second = kept_secret(file, size=48), kept_secret(file, size=48)

    assert first == second == file.read_text()
    assert len(first) >= 48
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["key"]


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "a", size=48) != kept_secret(tmp_path / "b", size=48)


# The settings as a whole


def test_settings_tell_every_fault_and_no_secret() -> None:
    finished = load(
        DEBUG="maybe",
        WEB_WORKERS="0",
        PUBLIC_URL="accounts.example.com",
        CSRF_TRUSTED_ORIGINS="example.com",
        CORS_ALLOWED_ORIGINS="*",
        TRUSTED_PROXIES="proxy",
        PASSWORD_MIN_LENGTH="7",
        ACCESS_TOKEN_MINUTES="0",
        SESSION_DAYS="forever",
        SESSION_MAX_DAYS="3651",
        MAX_PAGE_SIZE="0",
        PAGE_SIZE="-1",
        DATABASE_URL="mysql://root:hunter2secret@db/x",
        SECRET_KEY="too-short-secret",
    )

    assert finished.returncode != 0
    _, _, told = finished.stderr.partition("The environment is not usable:\n")
    names = [line.split(":")[0] for line in told.strip().splitlines()]
    assert sorted(names) == [
        "ACCESS_TOKEN_MINUTES", "CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL",
        "DEBUG", "MAX_PAGE_SIZE", "PAGE_SIZE", "PASSWORD_MIN_LENGTH", "PUBLIC_URL", "SECRET_KEY",
        "SESSION_DAYS", "SESSION_MAX_DAYS", "TRUSTED_PROXIES", "WEB_WORKERS",
    ]  # fmt: skip
    assert not any(secret in finished.stderr for secret in ("hunter2secret", "too-short-secret"))


def test_shared_database_needs_a_shared_key_and_says_so_beside_the_rest() -> None:
    finished = load(DATABASE_URL="postgres://u:hunter2secret@h/n", PAGE_SIZE="9", MAX_PAGE_SIZE="5")

    assert finished.returncode != 0
    assert "SECRET_KEY: required with DATABASE_URL" in finished.stderr
    assert "PAGE_SIZE: more than MAX_PAGE_SIZE" in finished.stderr
    assert "hunter2secret" not in finished.stderr


def test_a_weak_key_of_the_audit_trail_is_refused() -> None:
    finished = load(AUDIT_KEY="too-short-secret")

    assert finished.returncode != 0
    assert "AUDIT_KEY: expected at least 32 characters" in finished.stderr
    assert "too-short-secret" not in finished.stderr


@pytest.mark.parametrize(
    ("days", "most", "is_fine"), [("40", "", True), ("30", "30", True), ("31", "30", False)]
)
def test_a_session_may_not_outlive_the_longest_session(days: str, most: str, is_fine: bool) -> None:
    finished = load(SESSION_DAYS=days, SESSION_MAX_DAYS=most)

    assert ("SESSION_DAYS: more than SESSION_MAX_DAYS" not in finished.stderr) == is_fine
    assert (finished.returncode == 0) == is_fine


def test_good_environment_starts() -> None:
    finished = load(
        DATABASE_URL="postgres://u:p@h/n",
        DATABASE_REPLICA_URL="postgres://u:p@g/n",
        SECRET_KEY=KEY_OF_OUR_OWN,
        WEB_WORKERS="3",
        PUBLIC_URL="https://accounts.example.com",
    )

    assert finished.stderr == ""
    assert finished.stdout == "False 3\n"


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://a.example:8443", "a.example"), ("http://[2001:db8::1]:8000", "[2001:db8::1]")],
)
def test_the_host_of_an_origin_is_spelt_as_in_a_request(url: str, host: str) -> None:
    assert env.host_of(url) == host


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (env.hosts, "https://a.example"),
        (env.hosts, "a.example:8000"),
        (env.hosts, "*.a.example"),
        (env.hosts, ","),
        (env.hosts, "::1"),
        (env.origin, "https://*.a.example"),
        (env.origins, "https://*.a.example"),
        (env.form_origins, "https://*"),
        (env.form_origins, "https://*.*.a.example"),
    ],
)
def test_refuses_names_that_would_match_nothing(parse: Callable[[str], Any], value: str) -> None:
    assert len(faults_of("NAME", parse, value)) == 1


def test_makes_the_folder_for_data_for_its_owner_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "config", copy / "config")
    key = secrets.token_urlsafe(48)

    subprocess.run(
        [sys.executable, "-c", "from config import settings"],
        cwd=copy, env={"PATH": os.environ["PATH"], "SECRET_KEY": key}, check=True,
    )  # fmt: skip

    assert (copy / "var").stat().st_mode & 0o777 == 0o700


def test_keeps_the_data_where_it_is_told(tmp_path: Path) -> None:
    told = tmp_path / "state" / "roster"

    done = load(VAR_DIR=str(told))

    assert done.returncode == 0, done.stderr
    assert told.stat().st_mode & 0o777 == 0o700
    assert (told / "secret_key").exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("var/roster", "expected an absolute path such as /var/lib/roster"),
        ("/dev/null/roster", "this folder is not there and cannot be made: Not a directory"),
        ("/proc/roster", "this folder is not there and cannot be made: No such file or directory"),
    ],
)
def test_a_folder_for_data_that_cannot_be_is_a_fault(value: str, reason: str) -> None:
    done = load(VAR_DIR=value)

    assert done.returncode != 0
    assert f"VAR_DIR: {reason}" in done.stderr


def test_a_key_beside_the_source_is_no_published_one(tmp_path: Path) -> None:
    key = secrets.token_urlsafe(48)
    (tmp_path / "secret_key.txt").write_text(key)
    (tmp_path / "compose.yaml").write_text(f"SECRET_KEY: {key}")

    assert env.secret_key(tmp_path)(key) == key


@pytest.mark.parametrize(
    "url", ["redis://localhost", "redis://:secret@host:6379/0", "rediss://u:secret@[::1]:6380/15"]
)
def test_takes_addresses_of_redis(url: str) -> None:
    assert env.redis_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "redis://",
        "redis://host:0",
        "redis://host:x",
        "redis://host/name",
        "host:6379",
    ],
)
def test_refuses_what_is_no_address_of_redis(url: str) -> None:
    (fault,) = faults_of("CACHE_URL", env.redis_url, url)
    assert fault == "CACHE_URL: expected redis://:password@host:6379/0, or rediss:// for TLS"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay.example.com", ("relay.example.com", 25, "", "", False, False)),
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, "", "", False, False)),
        ("smtp+tls://me:p%40ss@mx.example.com", ("mx.example.com", 587, "me", "p@ss", True, False)),
        ("smtps://me:p@mx.example.com", ("mx.example.com", 465, "me", "p", False, True)),
    ],
)
def test_mail_server_is_read(url: str, expected: tuple[Any, ...]) -> None:
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")

    read = env.mail_server(url)

    assert tuple(read[f"EMAIL_{name}"] for name in names) == expected
    assert read["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize(
    "value", ["a@example.com", "Accounts <a@example.com>", '"Acme, Inc." <a@example.com>']
)
def test_mailbox_is_taken_as_it_is(value: str) -> None:
    assert env.mailbox(value) == value


def test_secrets_of_the_mail_server_are_not_repeated() -> None:
    (fault,) = faults_of("EMAIL_URL", env.mail_server, "smtp://me:hunter2@mx.example.com")

    assert "hunter2" not in fault


def test_mail_server_needs_an_address_for_links(tmp_path: Path) -> None:
    refused = load(EMAIL_URL="smtp://relay.example.com", SECRET_KEY=KEY, DATABASE_URL="sqlite://")

    assert refused.returncode == 1
    assert "PUBLIC_URL: required with EMAIL_URL, links in mails begin with it" in refused.stderr


def test_traces_need_what_sends_them(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text("")  # hides the packages
    address = "http://127.0.0.1:4318"

    refused = load(OTEL_EXPORTER_OTLP_ENDPOINT=address, PYTHONPATH=str(tmp_path), SECRET_KEY=KEY)

    assert refused.returncode == 1
    needed = "needs pip install -r docs/deploy/requirements-otel.txt"
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT: {needed}" in refused.stderr


@pytest.mark.parametrize("value", ["JSON", "Text"])
def test_words_are_taken_in_any_case(value: str) -> None:
    assert env.one_of("json", "text")(value) == value.lower()
