"""Which media type a caller would rather have (RFC 9110, section 12.5.1)."""

from django.http import HttpRequest


def prefers(request: HttpRequest, media_type: str, *, over: str) -> bool:
    """Tell whether `Accept` names `media_type` itself and rates it higher than `over`."""
    try:
        accepted = request.accepted_types
    except (ValueError, LookupError):  # a parameter that cannot be read
        return False
    rated = {f"{a.main_type}/{a.sub_type}".lower(): a.quality for a in accepted}
    return rated.get(media_type, 0) > rated.get(over, 0)
