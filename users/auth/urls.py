"""Paths under /auth."""

from config.api.routing import Actions, endpoint
from users.auth import mailed, views
from users.auth.sessions import SessionViewSet

OWN: Actions = {"get": "list", "delete": "destroy_others"}

urlpatterns = [
    *endpoint("login", views.LoginView.as_view(), "login"),
    *endpoint("refresh", views.RefreshView.as_view(), "refresh"),
    *endpoint("logout", views.LogoutView.as_view(), "logout"),
    *endpoint("invitation", mailed.InvitationView.as_view(), "invitation"),
    *endpoint("password/forgotten", mailed.ForgottenView.as_view(), "password-forgotten"),
    *endpoint("password/reset", mailed.ResetView.as_view(), "password-reset"),
    *endpoint("sessions", SessionViewSet.as_view(OWN), "session-list"),
    *endpoint(
        "sessions/<row_id:pk>", SessionViewSet.as_view({"delete": "destroy"}), "session-detail"
    ),
]
