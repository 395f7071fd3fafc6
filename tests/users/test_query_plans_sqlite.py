"""How SQLite finds the users who were only invited."""

import pytest
from django.db import connection

from users.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has its own plans"),
]


def test_who_is_only_invited_is_found_by_their_index() -> None:
    invited = User.objects.with_status("invited").order_by("pk")[:25]

    assert "USING INDEX users_invited" in invited.explain()
