"""Plots drawn on the server, as SVG without script or style: colours are classes of the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 720, 220  # units of the drawing, which scales with its page
LEFT, TOP, BOTTOM = 56, 12, 28  # room for what stands at the axes
ROW, GAP = 28, 8  # a bar and the space below it
NAMES, NUMBERS = 220, 90  # room for a bar's name before it and its number after it
LONGEST = 28  # characters of a name


@dataclass(frozen=True)
class Bar:
    """One bar; without `url` there is no list behind it."""

    name: str
    number: int
    url: str = ""


def columns(title: str, days: Sequence[str], series: Mapping[str, Sequence[int]]) -> SafeString:
    """Draw for each day one column a series, side by side; `series` is its name and numbers."""
    top = ceiling(max((n for numbers in series.values() for n in numbers), default=0))
    parts = [*_grid(top), *_days(days), *_columns(top, days, series)]
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        *(WIDTH, HEIGHT, title, _join(parts)),
    )


def bars(title: str, rows: Sequence[Bar]) -> SafeString:
    """Draw a bar a row, longest as wide as there is room; each is a link to what is behind it."""
    most = max((row.number for row in rows), default=0) or 1
    height = max(1, len(rows)) * (ROW + GAP)
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>',
        *(WIDTH, height, title, _join(_bar(row, i, most) for i, row in enumerate(rows))),
    )


def ceiling(number: int) -> int:
    """Return the end of an axis: 4, or the next of 1, 2, 4 and 8 by a power of ten."""
    step = 1
    while True:
        for first in (4, 8, 10, 20):
            if number <= first * step:
                return first * step
        step *= 10


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _join(parts: Sequence[SafeString] | Iterator[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _grid(top: int) -> Iterator[SafeString]:
    for quarter in range(5):
        number = top * quarter // 4
        if number * 4 != top * quarter:
            continue  # half an event is none
        y = _y(number, top)
        yield format_html(
            '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>', LEFT, WIDTH, y, y
        )
        yield format_html(
            '<text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>',
            *(LEFT - 8, y + 4, f"{number:,}"),
        )


def _days(days: Sequence[str]) -> Iterator[SafeString]:
    """Name each seventh day, the last among them."""
    for place in range(len(days) - 1, -1, -7):
        yield format_html(
            '<text class="chart-text" x="{}" y="{}" text-anchor="middle">{}</text>',
            *(round(LEFT + _slot(days) * (place + 0.5), 1), HEIGHT - 8, days[place][5:]),
        )


def _columns(
    top: int, days: Sequence[str], series: Mapping[str, Sequence[int]]
) -> Iterator[SafeString]:
    width = _slot(days) * 0.8 / max(1, len(series))
    for kind, (name, numbers) in enumerate(series.items(), 1):
        for place, number in enumerate(numbers):
            x = LEFT + _slot(days) * (place + 0.1) + width * (kind - 1)
            y = _y(number, top)
            size = {"x": x, "y": y, "width": width, "height": HEIGHT - BOTTOM - y}
            yield format_html(
                '<rect class="chart-{}" {}><title>{}: {}, {}</title></rect>',
                *(kind, _attributes(size), days[place], name, f"{number:,}"),
            )


def _bar(row: Bar, place: int, most: int) -> SafeString:
    y, room = place * (ROW + GAP), WIDTH - NAMES - NUMBERS
    width = max(1 if row.number else 0, room * row.number / most)
    size = {"x": NAMES, "y": y, "width": width, "height": ROW}
    drawn = format_html(
        '<title>{}: {}</title><text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="chart-1" {}/><text class="chart-text" x="{}" y="{}">{}</text>',
        *(row.name, f"{row.number:,}", NAMES - 10, y + 19, shortened(row.name)),
        *(_attributes(size), round(NAMES + width + 8, 1), y + 19, f"{row.number:,}"),
    )
    return format_html('<a href="{}">{}</a>', row.url, drawn) if row.url else drawn


def _attributes(size: Mapping[str, float]) -> SafeString:
    return format_html_join(" ", '{}="{}"', ((name, round(n, 1)) for name, n in size.items()))


def _slot(days: Sequence[str]) -> float:
    return (WIDTH - LEFT) / max(1, len(days))


def _y(number: int, top: int) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - number / top), 1)
