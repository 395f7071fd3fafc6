"""The organisations that regular users belong to."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from typing_extensions import override

from clients.managers import ClientManager
from clients.names import NameField


class Client(models.Model):
    """An organisation; while it is inactive none of its users gets in."""

    name = NameField()
    active = models.BooleanField(default=True, help_text="Whether its users may log in.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ClientManager()

    class Meta:
        db_table = "clients"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="clients_name_unique",
                violation_error_code="unique",
                violation_error_message="A client with this name already exists.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="clients_name_not_empty"),
        )

    @override
    def __str__(self) -> str:
        return str(self.name)

    def state(self) -> tuple[object, ...]:
        """Return what the entity tag is made of."""
        return self.pk, self.name, self.active, self.created_at, self.updated_at
