"""The product's settings, with a database for tests and nothing kept in var/."""

import os
import secrets

from config.signing_keys import new_pem

os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
if "JWT_PRIVATE_KEY" not in os.environ:  # made once: the other processes of a run inherit it
    os.environ["JWT_PRIVATE_KEY"] = new_pem()
os.environ.setdefault("LOG_FORMAT", "text")
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or "sqlite://"

from config.settings import *  # noqa: F403 # the environment must stand before it is read

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    # Nobody runs collectstatic for a test.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

STATEMENT_TIMEOUT = 0  # in this process, where a test may wait for others

WHITENOISE_AUTOREFRESH = True  # look when asked, instead of scanning var/static for each test

METRICS_TOKEN = "a-token-for-those-who-watch"  # not in the environment: started servers have none
