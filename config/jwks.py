"""`/.well-known/jwks.json`: the public keys with which other services check access tokens."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from config.api.routing import read_only
from config.signing_keys import CACHING


@read_only
def jwks(request: HttpRequest) -> HttpResponse:
    """Answer with every key that is believed (RFC 7517, section 5); public members alone."""
    response = JsonResponse({"keys": [key.jwk for key in settings.SIGNING_KEYS.verifying()]})
    response["Cache-Control"] = CACHING
    return response
