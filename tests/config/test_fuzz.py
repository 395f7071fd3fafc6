"""A bounded property-based run over the whole OpenAPI document; `make fuzz` runs a longer one."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis import checks

from config.wsgi import application
from tests.factories import AdministratorFactory, UserFactory
from users.auth.tokens import access_token
from users.models import Session, User
from users.transfer.exporting import XLSX_TYPE

Case = schemathesis.Case[Any]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))  # none: few, and the same each time

schema = schemathesis.openapi.from_wsgi("/schema", application)
# Most calls refuse a regular user before they look at anything: in the short run chance suffices,
# the long one goes through every border case of the document for them too.
for_regular = schemathesis.openapi.from_wsgi("/schema", application)
for_regular.config.phases.coverage.enabled = bool(EXAMPLES)

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db]

bounded = settings(
    max_examples=EXAMPLES or 5,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """Keep the service from closing the connection, as Django's own test client does."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@schemathesis.serializer(XLSX_TYPE)
def as_bytes(_: Any, value: Any) -> bytes:
    """Send as a workbook whatever chance has made: none is one."""
    return str(value).encode(errors="replace")


def session_of(user: User) -> Session:
    now = timezone.now()
    return Session.objects.create(user=user, refreshed_at=now, expires_at=now + timedelta(hours=1))


def point_at_rows(case: Case, session: Session) -> None:
    """Let five of six ids be of rows that are there, and some conditions hold.

    Chance alone would never find one.
    """
    given = str(case.path_parameters.get("id", ""))
    if given.isdecimal() and given.isascii() and int(given) % 6:
        actor, other = session.user, UserFactory()
        clients = [actor.client_id or other.client_id, other.client_id]
        rows = [actor.pk, other.pk, *clients, session.pk]
        case.path_parameters["id"] = rows[int(given) % 6 - 1]
    if len(case.headers.get("If-Match", "")) % 2:
        case.headers["If-Match"] = "*"


def call(case: Case, make_actor: Callable[[], User]) -> None:
    """Make the call as a new user with a session of their own, then take back all it did."""
    with transaction.atomic():
        session = session_of(make_actor())
        point_at_rows(case, session)
        case.call_and_validate(
            headers={"Authorization": f"Bearer {access_token(session)}"}, checks=CHECKS
        )
        transaction.set_rollback(True)


@schema.parametrize()
@bounded
def test_keeps_its_promises_to_an_administrator(case: Case) -> None:
    call(case, AdministratorFactory)


@for_regular.parametrize()
@bounded
def test_keeps_its_promises_to_a_regular_user(case: Case) -> None:
    call(case, UserFactory)
