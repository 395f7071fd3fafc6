"""The environment variables, read with their types; every fault is told at once."""

import importlib.util
import ipaddress
import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from psycopg.pq import Conninfo

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FLAGS = {"1": True, "true": True, "yes": True, "on": True}
FLAGS |= {"0": False, "false": False, "no": False, "off": False}
WHOLE = re.compile("[0-9]{1,9}\\Z")
HOST = re.compile(r"[a-z0-9.-]+\Z|[0-9a-f:.]+\Z")  # a name or an IPv6 address
ALLOWED_HOST = re.compile(r"\.?[A-Za-z0-9-][A-Za-z0-9.-]*\Z|\[[0-9A-Fa-f:.]+\]\Z")
BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*\Z")
SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
TRACES_SENT_BY = "opentelemetry.exporter.otlp.proto.http"
OUR_POSTGRESQL = "config.postgresql"
SECRET_KEY_MIN_LENGTH = 32
SAMPLE_PREFIX = "django-insecure-"


class Environment:
    """Read variables one by one, collect what is wrong with them, refuse once in `check`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.faults: list[str] = []
        self.files: list[Path] = []  # that hold secrets

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Return the parsed variable; `default` where it is unset, empty or at fault."""
        return self._parse(name, self.values.get(name, ""), parse, default)

    def secret(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Like `read`, but the value may also stand in the file that `NAME_FILE` names."""
        value, file = self.values.get(name, ""), self.values.get(f"{name}_FILE", "")
        if value and file:
            self.faults.append(f"{name}: set it or {name}_FILE, not both")
        elif file:
            self.files.append(Path(file))
            try:
                value = Path(file).read_text(encoding="utf-8")
            except (OSError, ValueError):
                self.faults.append(f"{name}_FILE: this file cannot be read as text")
                return default
            if not value.strip():
                self.faults.append(f"{name}_FILE: this file is empty")
        return self._parse(name, value, parse, default)

    def check(self) -> None:
        """Raise `ImproperlyConfigured` with one line a fault."""
        if self.faults:
            raise ImproperlyConfigured("\n".join(["The environment is not usable:", *self.faults]))

    def _parse(self, name: str, value: str, parse: Callable[[str], T], default: T) -> T:
        if not value.strip():
            return default
        try:
            return parse(value.strip())
        except ValueError as fault:
            self.faults.append(f"{name}: {fault}")
            return default


def flag(value: str) -> bool:
    if value.lower() not in FLAGS:
        raise ValueError("expected true or false")
    return FLAGS[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser of these words, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"expected {' or '.join(choices)}")
        return value.lower()

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not (WHOLE.match(value) and low <= int(value) <= high):
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(value)

    return parse


def absolute(value: str) -> Path:
    if not Path(value).is_absolute():
        raise ValueError("expected an absolute path such as /var/lib/roster")
    return Path(value)


def folder(value: str) -> Path:
    """Return the path of a folder that is there, or is made now for its owner alone."""
    path = absolute(value)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as fault:  # the latter for a NUL
        reason = getattr(fault, "strerror", None) or "not a path"
        raise ValueError(f"this folder is not there and cannot be made: {reason}") from None
    return path


def names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def origin(value: str) -> str:
    """Return `scheme://host[:port]`, lower-cased, no path (RFC 6454, section 6.2)."""
    parts = urlsplit(value)  # raises ValueError for a bad IPv6 host, `.port` for a bad port
    known = parts.scheme in ("http", "https") and HOST.match(parts.hostname or "")
    if not known or parts.port == 0 or parts.netloc.endswith(":"):
        raise ValueError("expected an address such as https://accounts.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("expected scheme, host and port alone, without path or user")
    return f"{parts.scheme}://{parts.netloc}".lower()


def collector(value: str) -> str:
    """Return the address of a collector of traces (OTLP over HTTP); what sends them is optional."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as http://127.0.0.1:4318")
    if not is_installed(TRACES_SENT_BY):
        raise ValueError("needs pip install -r docs/deploy/requirements-otel.txt")
    return value


def is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False


def host_of(url: str) -> str:
    """Return the host of an origin as `Host` spells it: an IPv6 address in brackets."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def origins(value: str) -> list[str]:
    return [origin(name) for name in names(value)]


def form_origins(value: str) -> list[str]:
    """Return origins; `https://*.example.com` stands for all below a name, for Django's forms."""
    return [
        origin(name.replace("://*.", "://", 1)).replace("://", "://*.", 1)
        if "://*." in name
        else origin(name)
        for name in names(value)
    ]


def hosts(value: str) -> list[str]:
    """Return host names as Django's `ALLOWED_HOSTS` has them, without scheme and port."""
    found = names(value)
    if not found or not all(name == "*" or ALLOWED_HOST.match(name) for name in found):
        raise ValueError("expected names such as accounts.example.com or [::1], by comma")
    return found


def networks(value: str) -> list[Network]:
    try:
        return [ipaddress.ip_network(name) for name in names(value)]
    except ValueError:
        raise ValueError("expected addresses or networks such as 10.0.0.0/8, by comma") from None


def redis_url(value: str) -> str:
    """Return a `redis://` or `rediss://` URL as it is; it is not repeated in the fault."""
    reason = "expected redis://:password@host:6379/0, or rediss:// for TLS"
    try:
        parts = urlsplit(value)
        is_usable = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not re.fullmatch("/?|/[0-9]{1,3}", urlsplit(value).path):
        raise ValueError(reason)
    return value


# scheme: (default port, STARTTLS, TLS from the start)
SMTP_SCHEMES = {
    "smtp": (25, False, False),
    "smtp+tls": (587, True, False),
    "smtps": (465, False, True),
}


def mail_server(value: str) -> dict[str, Any]:
    """Return Django's `EMAIL_…` settings of an SMTP URL; the URL is not repeated in the fault."""
    reason = "expected smtps://user:password@host:465, or smtp+tls:// (STARTTLS), or smtp://host"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(reason) from None
    if parts.scheme not in SMTP_SCHEMES or not parts.hostname or port == 0:
        raise ValueError(reason)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(reason)
    default_port, is_starttls, is_tls = SMTP_SCHEMES[parts.scheme]
    if parts.password and parts.scheme == "smtp":
        raise ValueError("smtp:// would send the password in clear: use smtps:// or smtp+tls://")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or default_port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": is_starttls,
        "EMAIL_USE_SSL": is_tls,
    }


def mailbox(value: str) -> str:
    """Return `Name <user@example.com>` or a bare address as it is (RFC 5322, section 3.4)."""
    name, address = parseaddr(value)
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    understood = f"{name} <{address}>" if name else address
    # The parser mends what it does not understand: only what it read as it stands is taken.
    if not address or not value.isprintable() or understood != value.replace('"', ""):
        raise ValueError("expected an address such as Accounts <accounts@example.com>")
    return value


def database(value: str) -> dict[str, Any]:
    """Return Django's settings of a `sqlite://` or `postgres://` URL; the URL is not repeated.

    Of several hosts (`postgres://one:5432,two:5432/name`) libpq takes the first that fits.
    """
    return _database(value, POSTGRESQL_OPTIONS)


def replica(value: str) -> dict[str, Any]:
    """Like `database`, for a PostgreSQL that is given up on sooner: the primary can answer, too."""
    config = _database(value, REPLICA_OPTIONS)
    if config["ENGINE"] == SQLITE:
        raise ValueError("expected postgres://user:password@host:port/name, only that has replicas")
    return config | {"TEST": {"MIRROR": "default"}}


def _database(value: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    try:
        config = _parsed(value) if "://" in value else {}
    except ValueError:
        config = {}
    engine = config.get("ENGINE")
    if engine not in (SQLITE, POSTGRESQL) or not config["NAME"]:
        raise ValueError("expected postgres://user:password@host:port/name or sqlite:///file")
    if engine == SQLITE:
        return config | {"CONN_MAX_AGE": None, "OPTIONS": SQLITE_OPTIONS}
    given = dict(config.get("OPTIONS", {}))
    # In its transaction mode a pooler gives each transaction another connection of the server's:
    # what outlives one (a cursor, and before PgBouncer 1.21 a prepared statement) is lost.
    has_pooler = given.pop("pgbouncer", False)  # 1 is true, too
    options = {**defaults, "server_side_binding": not has_pooler, **given}
    check_options(given)
    if has_pooler not in (True, False):
        raise ValueError("expected pgbouncer=true for a pooler in transaction mode")
    if "prepare_threshold" in options or not isinstance(options["server_side_binding"], bool):
        raise ValueError("expected server_side_binding=false to prepare no statements")
    age = 0 if options.get("pool") else 60  # the pool keeps connections itself
    if options.get("pool") is True:
        options["pool"] = {"timeout": options["connect_timeout"]}
    kept = {"CONN_MAX_AGE": age, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
    kept |= {"DISABLE_SERVER_SIDE_CURSORS": bool(has_pooler), "ENGINE": OUR_POSTGRESQL}
    return config | kept


def check_options(given: Mapping[str, Any]) -> None:
    """Raise `ValueError` for what would fail at the first connection only, or mean nothing."""
    for name, value in given.items():
        if name not in OPTION_NAMES:
            # What is no name may be part of a password with a `?` in it.
            raise ValueError(f"unknown option {name if OPTION_NAME.match(name) else ''}".strip())
        if name in WHOLE_OPTIONS and type(value) is not int:
            raise ValueError(f"expected a whole number for the option {name}")
        if name == "pool" and not isinstance(value, bool):
            raise ValueError("expected true or false for the option pool")
        if name == "sslmode" and value not in SSL_MODES:
            raise ValueError(f"expected {', '.join(SSL_MODES)} for the option sslmode")
        if isinstance(value, list):
            raise ValueError(f"the option {name} is given more than once")  # noqa: TRY004 # a fault


def _parsed(url: str) -> dict[str, Any]:
    """Return what the library makes of a URL; several hosts, which it does not know, by comma."""
    several = SEVERAL_HOSTS.match(url)
    if several is None:
        return {**dj_database_url.parse(url)}
    before, hosts, after = several.groups()
    places = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(HOST.match(place.hostname or "") and place.port != 0 for place in places):
        raise ValueError
    config: dict[str, Any] = {**dj_database_url.parse(f"{before}several{after}")}
    names, ports = zip(
        *((place.hostname, str(place.port or 5432)) for place in places), strict=True
    )
    return config | {"HOST": ",".join(names), "PORT": ",".join(ports)}


OPTION_NAME = re.compile("[A-Za-z_]{1,40}\\Z")
LIBPQS = frozenset(one.keyword.decode() for one in Conninfo.get_defaults())
DJANGOS = {"assume_role", "isolation_level", "pool", "server_side_binding", "prepare_threshold"}
OPTION_NAMES = LIBPQS | DJANGOS | {"answer_timeout"}  # what else is ours is gone by then
WHOLE_OPTIONS = {"connect_timeout", "tcp_user_timeout", "answer_timeout", "keepalives"}
WHOLE_OPTIONS |= {"keepalives_idle", "keepalives_interval", "keepalives_count", "isolation_level"}
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SEVERAL_HOSTS = re.compile(r"([a-z]+://(?:[^@/?#]*@)?)([^@/?#]*,[^@/?#]*)([/?#].*)\Z")

# Seconds and, in the end, milliseconds. A server that vanishes closes nothing: what it has not
# acknowledged, or an empty probe after 5 s of silence, tells within another 5 s that it has gone.
POSTGRESQL_OPTIONS: Mapping[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
REPLICA_OPTIONS: Mapping[str, Any] = {
    **POSTGRESQL_OPTIONS,
    "tcp_user_timeout": 3000,
    "answer_timeout": 10,  # seconds: see `config/postgresql`
}


# IMMEDIATE: a transaction that may write takes its turn at the start, two never deadlock half-way.
# FULL: WAL with NORMAL may lose the last commits when power fails.
SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


def secret_key(repository: Path) -> Callable[[str], str]:
    """Return a parser that refuses weak keys and any value that the repository's files contain."""

    def parse(value: str) -> str:
        if len(value) < SECRET_KEY_MIN_LENGTH:
            raise ValueError(f"expected at least {SECRET_KEY_MIN_LENGTH} characters")
        if value.startswith(SAMPLE_PREFIX):
            raise ValueError("this is a sample of Django's, make one of your own")
        if any(value in text for text in _published(repository)):
            raise ValueError("this value is published with the source, make one of your own")
        return value

    return parse


def bearer_token(value: str) -> str:
    """Return what can stand behind `Bearer` (RFC 6750, section 2.1) and is too long to guess."""
    if not BEARER_TOKEN.match(value):
        raise ValueError(
            "expected at least 16 letters, digits or -._~+/, such as openssl rand -hex 32"
        )
    return value


def _published(repository: Path) -> list[str]:
    top = ["README.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml"]
    top += [".env.example", ".ci/run"]
    below = ["config", "users", "clients", "templates", "tests"]
    files = [repository / name for name in top]  # an image may lack some
    files += [
        file
        for folder in below
        for file in (repository / folder).rglob("*")
        if file.suffix in (".py", ".html", ".js")
    ]
    return [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
