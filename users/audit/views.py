"""GET /audit-events."""

from typing import ClassVar

from django import forms
from django.http import HttpResponse
from django_filters import FilterSet
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet
from typing_extensions import override

from config.api.errors import Invalid
from config.api.pagination import answer_page, page_fields
from config.api.views import Manners
from config.audit.models import AuditEvent
from users.audit.filters import EventFilters
from users.audit.representation import represent_event
from users.audit.schema import OPERATIONS
from users.policies import AuditPolicy


class AuditEventViewSet(Manners, GenericViewSet[AuditEvent]):
    """What was done, newest first; it can only be read."""

    permission_classes = (AuditPolicy,)
    operations = OPERATIONS
    filters: ClassVar[type[FilterSet]] = EventFilters

    @override
    def query_fields(self) -> dict[str, forms.Field]:
        narrowing = self.filters.get_filters().items()
        return {**page_fields(), **{name: filter_.field for name, filter_ in narrowing}}

    def list(self, request: Request) -> HttpResponse:
        query, faults = self.read_query()
        if faults:
            raise Invalid(faults)
        events = self.filters(request.query_params, AuditEvent.objects.order_by("-id")).qs
        return answer_page(request, events, query, represent_event)
