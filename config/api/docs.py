"""The OpenAPI document, and a page to read and try it."""

import json
from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from config.api.errors import Invalid
from config.api.parsing import MEDIA_TYPE
from config.api.views import Manners


@cache
def document() -> bytes:
    """Return the document as JSON; it depends on code and settings alone."""
    generator: Any = SchemaGenerator  # has no types
    schema = generator().get_schema(request=None, public=True)
    return json.dumps(schema, separators=(",", ":")).encode()


class SchemaView(Manners):
    """`/schema`, for everybody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> HttpResponse:
        _, faults = self.read_query()
        if faults:
            raise Invalid(faults)
        return HttpResponse(document(), content_type=MEDIA_TYPE)


class DocsView(SpectacularSwaggerSplitView):
    """`/docs`, for everybody: Swagger UI, all of it served from here.

    Its start is a second request to the same address (`?script`): the page runs under a policy
    that forbids scripts and styles inside HTML.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    url = "/schema"
    url_self = "/docs"
    template_name = "docs.html"
    template_name_js = "docs.js"
