"""The paths of Roster that are measured."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter
from rest_framework_simplejwt.views import TokenObtainPairView

from tests.bench.stock.views import UserViewSet

router = SimpleRouter(trailing_slash=False)
router.register("users", UserViewSet, basename="user")
urlpatterns = [
    path("auth/login", TokenObtainPairView.as_view()),
    path("", include(router.urls)),
]
