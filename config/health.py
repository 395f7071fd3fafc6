"""Whether the process lives, and whether it can serve."""

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse

from config.api.errors import problem_response
from config.api.routing import read_only

PROBES = {"/livez", "/healthz", "/readyz"} | ({"/metrics"} if settings.METRICS_TOKEN else set())


class AnyHostForProbes:
    """Let probes name the service as they like: orchestrators use the address of the moment.

    Their answers depend on no host; for every other path `ALLOWED_HOSTS` holds.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.removesuffix("/") in PROBES:
            request.get_host = lambda: "localhost"  # type: ignore[method-assign] # for this one
        return self.get_response(request)


@read_only
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as the process does; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@read_only
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and has every migration, else 503."""
    try:
        loader = MigrationLoader(connection)
    except DatabaseError:
        return problem_response(request, 503, "unavailable", "The database does not answer.")
    if loader.graph.nodes.keys() - loader.applied_migrations.keys():
        return problem_response(request, 503, "unavailable", "Migrations are to be applied.")
    return JsonResponse({"status": "ok"})
