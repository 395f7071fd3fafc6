"""What one without password may call: ask for a link, and set a password by one."""

from http import HTTPStatus
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import Invalid
from config.api.openapi.operations import Operation
from config.throttling.limits import Bucket, charge, check, network_of
from users.admission import LinkExpired, redeem, request_reset
from users.auth.mailed_schema import OPERATIONS
from users.auth.serializers import EXPIRED, ForgottenSerializer, LinkSerializer
from users.auth.views import OpenAuthView
from users.links import INVITATION, PASSWORD_RESET, Link

ON_ITS_WAY = "If there is an active account with this address, a mail is on its way to it."


class ForgottenView(OpenAuthView):
    """Every call counts against the address: there is no right or wrong one."""

    serializer_class = ForgottenSerializer
    operations: ClassVar[dict[str, Operation]] = {"post": OPERATIONS["forgotten"]}

    def post(self, request: Request) -> Response:
        body = self.read(request)
        charge(network_of(request), Bucket.LINKS)
        request_reset(body["email"])
        return Response({"detail": ON_ITS_WAY}, HTTPStatus.ACCEPTED)


class LinkView(OpenAuthView):
    """Set a password by a link; a bad token counts against the address, before any hash."""

    link: Link

    def post(self, request: Request) -> Response:
        _, faults = self.read_query()
        serializer = LinkSerializer(link=self.link, data=self.body(faults))
        address = network_of(request)
        check(address, Bucket.LINKS)
        try:
            values = serializer.raise_faults(*faults)
            redeem(self.link, values["token"], values["password"])
        except Invalid:
            if "token" in serializer.values and serializer.user is None:
                charge(address, Bucket.LINKS)
            raise
        except LinkExpired:  # used by another request since
            charge(address, Bucket.LINKS)
            raise Invalid([EXPIRED]) from None
        return Response(status=HTTPStatus.NO_CONTENT)


class ResetView(LinkView):
    link = PASSWORD_RESET
    operations: ClassVar[dict[str, Operation]] = {"post": OPERATIONS["reset"]}


class InvitationView(LinkView):
    link = INVITATION
    operations: ClassVar[dict[str, Operation]] = {"post": OPERATIONS["invitation"]}
