"""Django's settings; the environment is read here and nowhere else."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from config import environment as env
from config.logs import FORMATS, TEXT
from config.secret_files import kept_secret
from config.signing_keys import GivenKeys, KeyDirectory, KeyRing, SigningKey, read_pems

BASE_DIR = Path(__file__).resolve().parent.parent

# What the environment says
_var_dir = os.environ.get("VAR_DIR") or str(BASE_DIR / "var")
_read = env.Environment({**os.environ, "VAR_DIR": _var_dir})
VAR_DIR = _read.read("VAR_DIR", env.absolute, BASE_DIR)
DEBUG = _read.read("DEBUG", env.flag, False)
WEB_WORKERS = _read.read("WEB_WORKERS", env.whole(1, 256), 2)
LOG_FORMAT = _read.read("LOG_FORMAT", env.one_of(*FORMATS), "json")
DRAIN_SECONDS = _read.read("DRAIN_SECONDS", env.whole(0, 300), 0)
PUBLIC_URL = _read.read("PUBLIC_URL", env.origin, "")
ALLOWED_HOSTS = _read.read("ALLOWED_HOSTS", env.hosts, ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = _read.read("CSRF_TRUSTED_ORIGINS", env.form_origins, [])
CORS_ALLOWED_ORIGINS: list[str] = _read.read("CORS_ALLOWED_ORIGINS", env.origins, [])
TRUSTED_PROXIES: list[env.Network] = _read.read("TRUSTED_PROXIES", env.networks, [])
PASSWORD_MIN_LENGTH = _read.read("PASSWORD_MIN_LENGTH", env.whole(8, 128), 12)
ACCESS_TOKEN_LIFETIME = timedelta(
    minutes=_read.read("ACCESS_TOKEN_MINUTES", env.whole(1, 24 * 60), 15)
)
SESSION_LIFETIME = timedelta(days=_read.read("SESSION_DAYS", env.whole(1, 365), 14))
SESSION_MAX_LIFETIME = timedelta(
    days=_read.read("SESSION_MAX_DAYS", env.whole(1, 3650), max(30, SESSION_LIFETIME.days))
)
MAX_PAGE_SIZE = _read.read("MAX_PAGE_SIZE", env.whole(1, 1000), 100)
PAGE_SIZE = _read.read("PAGE_SIZE", env.whole(1, 1000), min(25, MAX_PAGE_SIZE))
LOGIN_FAILURES_PER_MINUTE = _read.read("LOGIN_FAILURES_PER_MINUTE", env.whole(1, 10**6), 10)
LOGIN_FAILURES_PER_DAY = _read.read("LOGIN_FAILURES_PER_DAY", env.whole(1, 10**6), 100)
ADDRESS_FAILURES_PER_MINUTE = _read.read("ADDRESS_FAILURES_PER_MINUTE", env.whole(1, 10**6), 30)
MAILS_PER_HALF_HOUR = _read.read("MAILS_PER_HALF_HOUR", env.whole(1, 1000), 5)
DEFAULT_FROM_EMAIL = _read.read("DEFAULT_FROM_EMAIL", env.mailbox, "")
_mail_server: dict[str, Any] = _read.secret("EMAIL_URL", env.mail_server, {})
CACHE_URL = _read.secret("CACHE_URL", env.redis_url, "")
STATEMENT_TIMEOUT = _read.read("STATEMENT_TIMEOUT", env.whole(0, 3600), 5)
_database: dict[str, Any] = _read.secret("DATABASE_URL", env.database, {})
_replica: dict[str, Any] = _read.secret("DATABASE_REPLICA_URL", env.replica, {})
REPLICA_MAX_LAG = _read.read("REPLICA_MAX_LAG_SECONDS", env.whole(1, 300), 10)
SECRET_KEY = _read.secret("SECRET_KEY", env.secret_key(BASE_DIR), "")
_given_keys: tuple[SigningKey, ...] = _read.secret("JWT_PRIVATE_KEY", read_pems, ())
AUDIT_KEY = _read.secret("AUDIT_KEY", env.secret_key(BASE_DIR), "")
METRICS_TOKEN = _read.secret("METRICS_TOKEN", env.bearer_token, "")
SECRET_FILES = _read.files

_traces: str = _read.read("OTEL_EXPORTER_OTLP_ENDPOINT", env.collector, "")

if PAGE_SIZE > MAX_PAGE_SIZE:
    _read.faults.append("PAGE_SIZE: more than MAX_PAGE_SIZE")
if SESSION_LIFETIME > SESSION_MAX_LIFETIME:
    _read.faults.append("SESSION_DAYS: more than SESSION_MAX_DAYS")
if _mail_server and not PUBLIC_URL:
    _read.faults.append("PUBLIC_URL: required with EMAIL_URL, links in mails begin with it")
if _replica and _database.get("ENGINE") != env.OUR_POSTGRESQL:
    _read.faults.append("DATABASE_REPLICA_URL: required with it is its primary, in DATABASE_URL")
_is_named = any(fault.startswith("SECRET_KEY") for fault in _read.faults)
if _database and not SECRET_KEY and not DEBUG and not _is_named:
    _read.faults.append("SECRET_KEY: required with DATABASE_URL, all machines must share it")
_read.check()
_read.read("VAR_DIR", env.folder, BASE_DIR)  # made when all else is as it should be
_read.check()
SECRET_KEY = SECRET_KEY or kept_secret(VAR_DIR / "secret_key", size=48)
AUDIT_KEY = AUDIT_KEY or SECRET_KEY  # who changes the latter sets this to its old value

# Where we are reached
if PUBLIC_URL:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, env.host_of(PUBLIC_URL)]
    CSRF_TRUSTED_ORIGINS = [*CSRF_TRUSTED_ORIGINS, PUBLIC_URL]
CORS_EXPOSE_HEADERS = ["ETag", "Link", "Location", "Retry-After", "X-Request-ID"]
CORS_ALLOW_HEADERS = ["authorization", "content-type", "if-match", "x-request-id"]
# Nowhere while no origin is allowed: OPTIONS is then a method like any other that is not offered.
CORS_URLS_REGEX = (
    r"^/(auth|users|clients|audit-events|schema|openapi\.json|\.well-known/jwks\.json)(/|$)"
)
CORS_URLS_REGEX = CORS_URLS_REGEX if CORS_ALLOWED_ORIGINS else r"(?!)"

# Mail: `manage.py send_mails` sends it; without EMAIL_URL it prints it
EMAIL_BACKEND = _mail_server.get("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = _mail_server.get("EMAIL_HOST", "")
EMAIL_PORT = _mail_server.get("EMAIL_PORT", 0)
EMAIL_HOST_USER = _mail_server.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail_server.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail_server.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail_server.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds
EMAIL_SUBJECT_PREFIX = ""
LINK_ORIGIN = PUBLIC_URL or "http://127.0.0.1:8000"  # never the request's Host
DEFAULT_FROM_EMAIL = DEFAULT_FROM_EMAIL or f"Roster <roster@{urlsplit(LINK_ORIGIN).hostname}>"

# Parts
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
INSTALLED_APPS = [
    "config",
    "config.throttling.apps.ThrottlingConfig",
    "config.audit.apps.AuditConfig",
    "users",
    "clients",
    "django.contrib.admin.apps.SimpleAdminConfig",  # config/admin.py registers the models
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    *(["config.tracing.TracingMiddleware"] if _traces else []),
    "config.middleware.TrustedProxyMiddleware",
    "config.middleware.OriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.health.AnyHostForProbes",
    "config.page_middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.page_middleware.PageAuthenticationMiddleware",
    "config.page_middleware.PageMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Data
DATABASES: dict[str, dict[str, Any]] = {
    "default": _database or env.database(f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
}
if _replica:
    DATABASES["replica"] = _replica  # see `config.replica`
DATABASE_ROUTERS = ["config.routers.NoPermissionTables"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = ["config.formats"]

# Accounts
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.auth.backends.EmailBackend"]
PASSWORD_HASHERS = ["users.hashers.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "users.passwords.LengthValidator"},
    {"NAME": "users.passwords.VisibleValidator"},
    {"NAME": "users.passwords.CommonPasswordValidator"},
    {
        "NAME": "users.passwords.SimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
]
# Access tokens: RS256, so that other services can check them without being able to make one
JWT_ISSUER = JWT_AUDIENCE = "roster"  # a new address of ours refuses no token
JWT_LEEWAY = 10  # seconds for clocks that differ; users.auth.tokens allows none for `exp`
SIGNING_KEYS: KeyRing = (
    GivenKeys(_given_keys)
    if _given_keys
    else KeyDirectory(VAR_DIR / "signing_keys", lifetime=ACCESS_TOKEN_LIFETIME.total_seconds())
)
# Refresh tokens, which nobody else reads
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    # A key of its own: what signs tokens is not what signs cookies and forms.
    "SIGNING_KEY": salted_hmac(
        "roster.tokens", "HS256", SECRET_KEY, algorithm="sha256"
    ).hexdigest(),
    "AUDIENCE": JWT_AUDIENCE,
    "ISSUER": JWT_ISSUER,
    "LEEWAY": JWT_LEEWAY,
}

# The admin site's log-in: a signed cookie that names a row of users.Session, gone with that row
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_NAME = "roster_admin"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_PATH = "/admin/"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = not DEBUG  # browsers take 127.0.0.1 for secure, Safari does not: DEBUG=1
CSRF_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "admin:login"

# Headers; TLS ends at the proxy, which also redirects http to https
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other services below the same domain are not ours to speak for
    "security.W008",  # no redirect to https: the proxy does it, and `make run` serves plain http
    "security.W021",  # nor is the browsers' preload list
]

# Bodies: the API's own limit is config.api.parsing.MAX_BODY_BYTES, the forms' is the same
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1100  # a bulk action on a page of 1000 rows

# Files
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"  # part of a release, not of the data
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "config.staticfiles.CollectedFiles"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.auth.authentication.SessionTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.permissions.DenyAll"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.parsing.OnlyJSON",
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "config.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "config.middleware.RequestIdFilter"},
        "route_only": {"()": "config.middleware.RouteOnlyFilter"},
    },
    "formatters": {
        "json": {"()": "config.logs.JSONFormatter"},
        "text": {"()": "config.logs.Formatter", "fmt": TEXT},
    },
    "handlers": {
        "stderr": {
            "class": "config.logs.Stream",
            "filters": ["request_id"],
            "formatter": LOG_FORMAT,
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Refusals are in our own line, which holds no path: a path may hold what a client mistook.
        "django.request": {"level": "ERROR", "filters": ["route_only"]},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}

# The OpenAPI document, and the page that shows it
SPECTACULAR_SETTINGS = {
    "TITLE": "Roster",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/"}],
    "SORT_OPERATIONS": False,
    "PREPROCESSING_HOOKS": ["config.api.schema.drop_slashed_twins"],
    "POSTPROCESSING_HOOKS": ["config.api.schema.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "displayRequestDuration": True,
        "tryItOutEnabled": True,
        "validatorUrl": None,  # or it sends the address of the document to swagger.io
    },
}
