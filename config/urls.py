"""Every path that the service answers."""

from django.conf import settings
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, jwks, pages, scrape
from config.admin import site
from config.api.docs import DocsView, SchemaView
from config.api.routing import endpoint, read_only

urlpatterns = [
    path("", include("users.urls")),
    path("", include("clients.urls")),
    path(
        "admin/password_reset/",  # where Django's log-in page links to by this name
        RedirectView.as_view(pattern_name="password-forgotten-page"),
        name="admin_password_reset",
    ),
    path("admin/", site.urls),
    path("admin", RedirectView.as_view(url="/admin/")),
    *endpoint("livez", health.livez, "livez"),
    *endpoint("healthz", health.livez, "healthz"),
    *endpoint("readyz", health.readyz, "readyz"),
    *endpoint(".well-known/jwks.json", jwks.jwks, "jwks"),
    *endpoint("schema", SchemaView.as_view(), "schema"),
    *endpoint("openapi.json", SchemaView.as_view(), "openapi"),
    *endpoint("docs", read_only(DocsView.as_view(), parameters=("script",)), "docs"),
    path("", pages.home, name="home"),
    # Not there at all, or a stranger would learn that it might be.
    *(endpoint("metrics", scrape.scrape, "metrics") if settings.METRICS_TOKEN else ()),
]

handler400 = pages.bad_request
handler403 = pages.permission_denied
handler404 = pages.not_found
handler500 = pages.server_error
