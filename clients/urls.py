"""Paths of clients."""

from clients.views import ClientViewSet
from config.api.routing import Actions, endpoint

ROWS: Actions = {"get": "list", "post": "create"}
ROW: Actions = {"get": "retrieve", "put": "update", "patch": "partial_update"}

urlpatterns = [
    *endpoint("clients", ClientViewSet.as_view(ROWS), "client-list"),
    *endpoint("clients/<row_id:pk>", ClientViewSet.as_view(ROW), "client-detail"),
]
