"""Who is at the other end of the connection."""

import ipaddress

from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def peer_address(request: HttpRequest) -> Address | None:
    """Return the address without its zone (RFC 4007, section 11); None where a socket has none."""
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return None
