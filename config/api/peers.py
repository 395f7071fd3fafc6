"""Who is at the other end of the connection."""

import ipaddress
from functools import lru_cache

from django.http import HttpRequest

CALLER = "roster.user_id"  # the key in a request's META of who has proved to be calling
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def peer_address(request: HttpRequest) -> Address | None:
    """Return the address without its zone (RFC 4007, section 11); None where a socket has none."""
    return _parsed(request.META.get("REMOTE_ADDR", ""))


def network_of(text: str) -> str:
    """Return whom to count as one: an IPv4 address or IPv6 /64, "" for what is no address."""
    address = _parsed(text)
    if address is None:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
