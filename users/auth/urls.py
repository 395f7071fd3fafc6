"""Paths under /auth."""

from config.api.routing import endpoint
from users.auth import views

urlpatterns = [
    *endpoint("login", views.LoginView.as_view(), "login"),
    *endpoint("refresh", views.RefreshView.as_view(), "refresh"),
    *endpoint("logout", views.LogoutView.as_view(), "logout"),
]
