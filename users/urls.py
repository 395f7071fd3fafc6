"""Paths of users."""

from django.urls import include, path

from config.api.routing import Actions, endpoint
from users.auth.sessions import SessionViewSet
from users.views import UserViewSet

ROWS: Actions = {"get": "list", "post": "create"}
ROW: Actions = {"get": "retrieve", "put": "update", "patch": "partial_update"}
SESSIONS: Actions = {"get": "list_of_user", "delete": "destroy_of_user"}

urlpatterns = [
    *endpoint("users", UserViewSet.as_view(ROWS), "user-list"),
    *endpoint("users/current", UserViewSet.as_view({"get": "current"}), "user-current"),
    *endpoint("users/<row_id:pk>", UserViewSet.as_view(ROW), "user-detail"),
    *endpoint("users/<row_id:pk>/sessions", SessionViewSet.as_view(SESSIONS), "user-session-list"),
    path("auth/", include("users.auth.urls")),
]
