"""Kept connections: one that the server has ended is noticed before it is used."""

import pytest
from django.db import close_old_connections, connection

from config.postgresql.base import is_readable

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
