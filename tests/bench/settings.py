"""The service's settings, less the part of the read path that `LEFT_OUT` names."""

import os

from config.settings import *  # noqa: F403 # these are the settings

LEFT_OUT = os.environ["LEFT_OUT"]

if LEFT_OUT == "health check without a query":
    DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"  # noqa: F405
elif LEFT_OUT == "prepared statements":
    DATABASES["default"]["OPTIONS"]["server_side_binding"] = False  # noqa: F405
elif LEFT_OUT == "sessions kept off the API":
    for name, app in (("Session", "sessions"), ("Authentication", "auth"), ("Message", "messages")):
        place = MIDDLEWARE.index(f"config.page_middleware.Page{name}Middleware")  # noqa: F405
        MIDDLEWARE[place] = f"django.contrib.{app}.middleware.{name}Middleware"  # noqa: F405
