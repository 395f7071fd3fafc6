"""Paths of users."""

from django.urls import include, path

from config.api.routing import Actions, endpoint, read_only
from users import pages
from users.audit.views import AuditEventViewSet
from users.auth.sessions import SessionViewSet
from users.views import UserViewSet

ROWS: Actions = {"get": "list", "post": "create"}
ROW: Actions = {"get": "retrieve", "put": "update", "patch": "partial_update"}
SESSIONS: Actions = {"get": "list_of_user", "delete": "destroy_of_user"}

urlpatterns = [
    *endpoint("users", UserViewSet.as_view(ROWS), "user-list"),
    *endpoint("users/current", UserViewSet.as_view({"get": "current"}), "user-current"),
    *endpoint("users/import", UserViewSet.as_view({"post": "import_table"}), "user-import"),
    *endpoint("users/<row_id:pk>", UserViewSet.as_view(ROW), "user-detail"),
    *endpoint("users/<row_id:pk>/sessions", SessionViewSet.as_view(SESSIONS), "user-session-list"),
    *endpoint(
        "users/<row_id:pk>/invitation", UserViewSet.as_view({"post": "invite"}), "user-invitation"
    ),
    *endpoint("invitation/<str:token>", pages.InvitationPage.as_view(), "invitation-page"),
    *endpoint("password/reset/<str:token>", pages.ResetPage.as_view(), "password-reset-page"),
    *endpoint("password/set", read_only(pages.password_set), "password-set-page"),
    *endpoint("password/forgotten", pages.ForgottenPage.as_view(), "password-forgotten-page"),
    *endpoint("password/forgotten/heard", read_only(pages.heard), "password-heard-page"),
    *endpoint("audit-events", AuditEventViewSet.as_view({"get": "list"}), "audit-event-list"),
    path("auth/", include("users.auth.urls")),
]
