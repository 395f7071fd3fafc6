"""How values look on the operators' pages."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

JUST_NOW = 60  # seconds


def badge(kind: str, text: str = "") -> SafeString:
    """Return a badge; kinds are active, invited, inactive, administrator, regular."""
    return format_html('<span class="badge badge-{}">{}</span>', kind, text or kind.capitalize())


def instant(at: datetime | None, *, never: str = "Never") -> SafeString | str:
    """Return how long ago it was, with the instant itself for who wants to know."""
    if at is None:
        return never
    is_now = (timezone.now() - at).total_seconds() < JUST_NOW
    said = "just now" if is_now else f"{timesince(at, depth=1)} ago"
    utc = at.astimezone(timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        said,
    )
