"""What a yes to a question about rows is bound to."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from config.operators.questions import signature_of
from tests.factories import ClientFactory

LARGEST = 2**63 - 1
pytestmark = pytest.mark.django_db


def signature(*ids: int) -> str:
    return signature_of(Client.objects.filter(pk__in=ids))


def test_tells_rows_apart_that_are_as_many() -> None:
    for number in (1, 2, 3, 4, 5, 6):
        ClientFactory(pk=number)

    chosen = [(), (1,), (2,), (1, 4), (2, 3), (1, 3, 6), (1, 4, 5), (1, 2, 4, 6), (1, 3, 4, 5)]

    assert len({signature(*ids) for ids in chosen}) == len(chosen)
    assert signature(2, 3) == signature(3, 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_takes_ids_of_any_size(sign: int) -> None:
    ids = [sign * (LARGEST - number) for number in range(5)]
    for number in ids:
        ClientFactory(pk=number)

    assert signature(*ids[:4]) != signature(*ids[1:])


def test_reads_one_row(acme: Client, globex: Client) -> None:
    with CaptureQueriesContext(connection) as seen:
        signature_of(Client.objects.order_by("name"))

    assert len(seen) == 1
    assert "COUNT" in seen[0]["sql"]
