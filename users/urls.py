"""Paths of users."""

from django.urls import include, path

from config.api.routing import Actions, endpoint
from users.views import UserViewSet

ROWS: Actions = {"get": "list", "post": "create"}
ROW: Actions = {"get": "retrieve", "put": "update", "patch": "partial_update"}

urlpatterns = [
    *endpoint("users", UserViewSet.as_view(ROWS), "user-list"),
    *endpoint("users/current", UserViewSet.as_view({"get": "current"}), "user-current"),
    *endpoint("users/<row_id:pk>", UserViewSet.as_view(ROW), "user-detail"),
    path("auth/", include("users.auth.urls")),
]
