"""The form of clients on the admin site: what it checks, and the verbs that it saves by."""

from django.core.exceptions import ValidationError
from typing_extensions import override

from clients.consequences import of_activation, of_deactivation
from clients.lifecycle import create_client, update_client
from clients.models import Client
from clients.names import clean_name
from config.operators.verb_form import VerbForm


class ClientForm(VerbForm):
    """A client, new or not."""

    asks_about = ("active",)

    class Meta:
        model = Client
        fields = ("name", "active")

    def clean_name(self) -> str:
        """Return the name as it is stored; the database's own check folds ASCII alone on SQLite."""
        name = clean_name(self.cleaned_data["name"])
        if Client.objects.named(name).exclude(pk=self.read.pk).exists():
            raise ValidationError("A client with this name already exists.", code="unique")
        return name

    @override
    def foresee(self, changed: set[str]) -> list[str]:
        if self.read.pk is None:
            return []
        mine = Client.objects.filter(pk=self.read.pk)
        change = of_activation if self.instance.active else of_deactivation
        return change(mine, self.read.name)

    @override
    def save_by_verb(self) -> Client:
        values = self.values("name", "active")
        if self.read.pk is None:
            return create_client(values, actor=self.actor)
        return update_client(self.read, values, actor=self.actor)
