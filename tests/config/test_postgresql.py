"""Kept connections: one that the server has ended is noticed before it is used."""

import socket
import time
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.db.models import BigAutoField

from config.compiled import CompiledQuery, Parameter
from config.postgresql.base import is_readable, silent_until
from tests.factories import UserFactory
from users.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL's connections"),
]


def end_from_elsewhere(pid: int) -> None:
    """Let the server end the connection `pid`, and wait until it has."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)
    other.close()


def begin_request() -> int:
    """Do as at the start of a request; return the id of the server's process."""
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.fixture
def kept() -> int:
    """Let there be a connection from an earlier request."""
    connection.settings_dict["CONN_MAX_AGE"] = None
    connection.close()
    return begin_request()


def test_living_connection_is_kept_without_asking_it(
    kept: int, django_assert_num_queries: object
) -> None:
    assert connection.connection is not None
    assert not is_readable(connection.connection)
    assert begin_request() == kept


def test_connection_that_the_server_ended_is_replaced(kept: int) -> None:
    end_from_elsewhere(kept)

    assert begin_request() != kept


def test_connection_closed_on_our_side_is_replaced(kept: int) -> None:
    connection.connection.close()

    assert begin_request() != kept


def test_connection_with_an_unread_message_is_asked_and_kept(kept: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN here")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("NOTIFY here")
    other.close()

    assert begin_request() == kept


def number_prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


def test_what_asks_for_keys_is_prepared_and_nothing_else() -> None:
    connection.close()
    by_id = CompiledQuery(
        lambda: User.objects.filter(pk=Parameter("pk", BigAutoField())).values_list("name")
    )
    for number in range(8):
        by_id(pk=number)
        list(User.objects.filter(name__icontains=f"name {number}", pk__gt=number))

    assert number_prepared() == 1


def test_changed_column_is_read_anew() -> None:
    user = UserFactory()
    by_id = CompiledQuery(
        lambda: User.objects.filter(pk=Parameter("pk", BigAutoField())).values_list("name")
    )
    assert by_id(pk=user.pk) == [(user.name,)]
    other = connection.copy()
    try:
        for length in (300, 255):
            with other.cursor() as cursor:
                cursor.execute(f"ALTER TABLE users ALTER COLUMN name TYPE varchar({length})")

            assert by_id(pk=user.pk) == [(user.name,)]
    finally:
        other.close()


def test_server_that_does_not_answer_is_asked_once_in_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # which accepts, and says nothing
        other = connection.copy("silent")
        place = {"HOST": "127.0.0.1", "PORT": silent.getsockname()[1], "CONN_MAX_AGE": 0}
        other.settings_dict = connection.settings_dict | place
        took = [time_of_refusal(other) for _ in range(3)]
    while "silent" in silent_until:  # one that refuses is no longer silent, once it is asked again
        assert time_of_refusal(other) < 1.5

    assert took[0] > 1.5  # the least that psycopg waits is 2 s
    assert max(took[1:]) < 0.5


def time_of_refusal(other: Any) -> float:
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        other.connect()
    return time.monotonic() - began
