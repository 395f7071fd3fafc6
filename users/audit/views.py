"""GET /audit-events."""

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from config.api.answers import Answer
from config.api.errors import Invalid
from config.api.pagination import answer_page, page_fields
from config.api.parameters import Narrowing
from config.api.views import Manners
from config.audit.models import AuditEvent
from config.replica import read
from users.audit.filters import EventFilters
from users.audit.representation import represent_event
from users.audit.schema import OPERATIONS
from users.policies import AuditPolicy


class AuditEventViewSet(Manners, GenericViewSet[AuditEvent]):
    """What was done, newest first; it can only be read."""

    permission_classes = (AuditPolicy,)
    operations = OPERATIONS
    filters: ClassVar[type[Narrowing]] = EventFilters

    @override
    def query_fields(self) -> Mapping[str, forms.Field]:
        return {**page_fields(), **self.filters.query_fields()}

    def list(self, request: Request) -> HttpResponse:
        query, faults = self.read_query()
        if faults:
            raise Invalid(faults)

        def page(using: str) -> Answer:
            newest_first = AuditEvent.objects.using(using).order_by("-id")
            events = self.filters.narrow(newest_first, query)
            return answer_page(request, events, query, represent_event)

        return read(request, page)
