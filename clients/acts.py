"""What operators can do to clients, beside the fields of the form."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from clients.consequences import of_activation, of_deactivation, users_of
from clients.lifecycle import set_active, update_client
from clients.managers import ClientQuerySet
from clients.models import Client
from config.audit.events import Event
from config.operators.questions import and_trail, ask_about_rows, counted, is_confirmed
from config.operators.row_acts import RowAct


def _alone(client: Client) -> ClientQuerySet:
    return Client.objects.filter(pk=client.pk)


def _activate(client: Client, request: HttpRequest) -> str:
    update_client(client, {"active": True}, actor=request.user)
    number = users_of(_alone(client)).filter(active=True).count()
    return f"{client.name} is active: {counted(number, 'person', 'people')} can log in again."


def _deactivate(client: Client, request: HttpRequest) -> str:
    users = users_of(_alone(client))
    number, ended = users.filter(active=True).count(), users.live_sessions().count()
    update_client(client, {"active": False}, actor=request.user)
    people = counted(number, "person", "people")
    return f"{client.name}: {people} can no longer log in. Sessions ended: {ended}."


ACTS = (
    RowAct(
        "activate",
        "Activate",
        "Active",
        _activate,
        lambda client: "This client is active already." if client.active else "",
        lambda client, request: of_activation(_alone(client), client.name),
    ),
    RowAct(
        "deactivate",
        "Deactivate",
        "Active",
        _deactivate,
        lambda client: "" if client.active else "This client is not active.",
        lambda client, request: of_deactivation(_alone(client), client.name),
    ),
)


class BulkActs:
    """The actions of `ClientAdmin`: functions of a request and the clients chosen."""

    actions: Any = ("activate", "deactivate")
    message_user: Any  # `ModelAdmin` has it

    @admin.action(description="Activate selected clients", permissions=["change"])
    def activate(self, request: HttpRequest, clients: ClientQuerySet) -> HttpResponse | None:
        return self._set_active(request, clients, active=True)

    @admin.action(description="Deactivate selected clients", permissions=["change"])
    def deactivate(self, request: HttpRequest, clients: ClientQuerySet) -> HttpResponse | None:
        return self._set_active(request, clients, active=False)

    def _set_active(
        self, request: HttpRequest, clients: ClientQuerySet, *, active: bool
    ) -> HttpResponse | None:
        ids = clients.order_by().values("pk")
        changing = Client.objects.filter(pk__in=ids, active=not active)
        number = changing.count()
        named = counted(number, "client")
        if number and not is_confirmed(request, changing):
            return ask_about_rows(
                request,
                self,
                changing,
                title=f"{'Activate' if active else 'Deactivate'} {named}",
                consequences=(of_activation if active else of_deactivation)(changing, named),
            )
        actor: Any = request.user
        with transaction.atomic():
            noted = list(changing.only("name"))
            count, ended = set_active(clients, active, actor=actor)
            fields = [{"changed": {"fields": ["Active"]}}]
            LogEntry.objects.log_actions(actor.pk, noted, CHANGE, fields)
        said = f"Clients {'activated' if active else 'deactivated'}: {count}."
        said += f" Sessions ended: {ended}." if ended else ""
        told = and_trail(said, event=Event.CLIENT_UPDATED.value, user=actor.pk)
        self.message_user(request, told, messages.SUCCESS)
        return None
