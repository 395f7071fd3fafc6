"""How SQLite finds the few: those who were only invited, and the inactive."""

import pytest
from django.db import connection
from django.db.models import F, OrderBy

from users.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has its own plans"),
]
CREATED, LAST_LOGIN = F("created_at"), F("last_login_at")


@pytest.mark.parametrize("few", ["inactive", "invited"])
def test_the_few_are_found_by_their_index(few: str) -> None:
    found = User.objects.with_status(few).order_by("pk")[:25]

    assert f"USING INDEX users_{few}\n" in f"{found.explain()}\n"


@pytest.mark.parametrize("few", ["inactive", "invited"])
@pytest.mark.parametrize(
    ("order", "name"),
    [
        (CREATED.asc(), "created"),
        (CREATED.desc(), "created"),
        (LAST_LOGIN.asc(nulls_last=True), "last_login"),
        (LAST_LOGIN.desc(nulls_last=True), "last_login_desc"),
    ],
)
def test_the_few_who_stand_together_are_found_by_an_index(
    few: str, order: OrderBy, name: str
) -> None:
    found = User.objects.with_status(few).order_by(order, "pk")[:25]

    assert f"USING INDEX users_{few}_{name}\n" in f"{found.explain()}\n"
