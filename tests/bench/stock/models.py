"""The tables that Roster's migrations make."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Client(models.Model):
    name = models.CharField(max_length=255)

    class Meta:
        app_label = "stock"
        managed = False
        db_table = "clients"


class User(AbstractBaseUser):
    password = models.CharField(max_length=255, db_column="password_digest")
    last_login = models.DateTimeField(null=True, db_column="last_login_at")
    name = models.CharField(max_length=255)
    email = models.EmailField(unique=True)
    client = models.ForeignKey(Client, null=True, on_delete=models.PROTECT)
    is_active = models.BooleanField(default=True, db_column="active")

    objects = BaseUserManager()

    USERNAME_FIELD = "email"

    class Meta:
        app_label = "stock"
        managed = False
        db_table = "users"

    @property
    def is_administrator(self) -> bool:
        return self.client_id is None  # type: ignore[attr-defined] # no app of the service
