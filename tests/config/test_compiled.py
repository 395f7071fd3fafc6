"""Compiled queries: what the queryset gives, without building it again."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import BigAutoField, DateTimeField
from django.utils import timezone

from config.compiled import CompiledQuery, Parameter
from tests.factories import AdministratorFactory, UserFactory
from users.models import User

pytestmark = pytest.mark.django_db

COLUMNS = ("id", "name", "active", "created_at", "last_login_at", "client__name")


def made_after(moment: object) -> Any:
    after = User.objects.filter(created_at__gt=moment, active=True)
    return after.order_by("-pk").values_list(*COLUMNS)


def test_gives_what_the_queryset_gives_whatever_the_values() -> None:
    query = CompiledQuery(lambda: made_after(Parameter("moment", DateTimeField())))
    UserFactory(last_login_at=timezone.now()), AdministratorFactory(), UserFactory(active=False)
    now = timezone.now()

    for moment in (now - timedelta(hours=1), now + timedelta(hours=1)):
        assert query(moment=moment) == list(made_after(moment))
    assert len(query(moment=now - timedelta(hours=1))) == 2


def test_is_built_once() -> None:
    built = []

    def by_id() -> Any:
        built.append(1)
        return User.objects.filter(pk=Parameter("pk", BigAutoField())).values_list("id")

    query = CompiledQuery(by_id)
    one, two = UserFactory(), UserFactory()

    assert [query(pk=one.pk), query(pk=two.pk), query(pk=0)] == [[(one.pk,)], [(two.pk,)], []]
    assert built == [1]


def test_values_are_never_part_of_the_text() -> None:
    query = CompiledQuery(
        lambda: User.objects.filter(name=Parameter("name", User._meta.get_field("name")))
        .values_list("id")
    )  # fmt: skip
    user = UserFactory(name="Robert'); DROP TABLE users;--")

    assert query(name=user.name) == [(user.pk,)]
    assert query(name="' OR '1'='1") == []
