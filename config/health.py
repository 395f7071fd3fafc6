"""Whether the process lives, and whether it can serve."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from config.api.errors import problem_response
from config.api.routing import read_only


@read_only
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as the process does; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@read_only
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and has every migration, else 503."""
    try:
        executor = MigrationExecutor(connection)
        unapplied = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return problem_response(request, 503, "unavailable", "The database does not answer.")
    if unapplied:
        return problem_response(request, 503, "unavailable", "Migrations are to be applied.")
    return JsonResponse({"status": "ok"})
