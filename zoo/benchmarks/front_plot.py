"""The front of sorters as an SVG image: rank error across, explained rank change up."""

import math
from collections.abc import Sequence
from html import escape

from zoo.benchmarks.sorters import Place
from zoo.sorters.front import RESOLUTIONS

WIDTH, HEIGHT, MARGIN = 300.0, 360.0, 36.0
EXACT = 2e-4  # where an error of 0 stands on the logarithmic axis
WORST = 0.2
LOWEST = -0.2
LETTER, LINE = 4.6, 10.0  # width of a letter and height of a line, pixels
DOT = 2.5  # radius

Box = tuple[float, float, float, float]  # left, right, top, bottom


def front_svg(places: Sequence[Place], ours: str = "gaussian") -> str:
    """Return one panel per resolution; sorters below an R² of -0.2 stand on the lower edge.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not places:
        raise ValueError("a plot needs at least one sorter")
    panels = [_panel(places, number, ours) for number in range(len(RESOLUTIONS))]
    width = WIDTH * len(RESOLUTIONS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="9">'
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>{"".join(panels)}</svg>\n'
    )


def _panel(places: Sequence[Place], number: int, ours: str) -> str:
    left, top = number * WIDTH + MARGIN, MARGIN
    right, bottom = (number + 1) * WIDTH - 12, HEIGHT - MARGIN
    parts = [
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" '
        'fill="none" stroke="#999"/>',
        _text(left, top - 8, f"changes of {RESOLUTIONS[number]:g} deviations: R² over L1"),
    ]
    parts += [
        _text(_across(error, left, right), bottom + 12, f"{error:g}", "middle")
        for error in (0.0, 1e-3, 1e-2, 1e-1)
    ]
    parts += [
        _text(left - 4, _up(share, top, bottom) + 3, f"{share:g}", "end")
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    ours_first = sorted(places, key=lambda place: place.sorter != ours)
    dots = [
        (_across(place.l1[number], left, right), _up(place.r2[number], top, bottom))
        for place in ours_first
    ]
    taken = [(x - DOT, x + DOT, y - DOT, y + DOT) for x, y in dots]
    for place, (x, y) in zip(ours_first, dots, strict=True):
        colour = "#c0392b" if place.sorter == ours else "#2c5f8a"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="{colour}"/>')
        box = _free(x, y, LETTER * len(place.sorter), (left, right, top, bottom), taken)
        taken.append(box)
        near = box[0] if box[0] > x else box[1]
        line = f'x1="{x:.1f}" y1="{y:.1f}" x2="{near:.1f}" y2="{box[2] + LINE / 2:.1f}"'
        parts.append(f'<line {line} stroke="{colour}" stroke-width="0.4"/>')
        parts.append(_text(box[0], box[3] - 2, place.sorter, colour=colour))
    return "".join(parts)


def _free(x: float, y: float, width: float, panel: Box, taken: Sequence[Box]) -> Box:
    """Return the box nearest to a point, within the panel, that covers no other's label."""
    sides = (x + 8, x - 8 - width)
    rows = sorted((LINE * step / 2 for step in range(-48, 49)), key=abs)
    boxes = [(a, a + width, y + row - LINE / 2, y + row + LINE / 2) for row in rows for a in sides]
    inside = [box for box in boxes if _within(box, panel)] or boxes  # a name may be too long
    return next((box for box in inside if not any(_overlap(box, b) for b in taken)), inside[0])


def _within(box: Box, panel: Box) -> bool:
    left, right, top, bottom = panel
    return left <= box[0] and box[1] <= right and top <= box[2] and box[3] <= bottom


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _across(error: float, left: float, right: float) -> float:
    share = math.log(max(error, EXACT) / EXACT) / math.log(WORST / EXACT)
    return left + 6 + min(share, 1.0) * (right - left - 12)


def _up(share: float, top: float, bottom: float) -> float:
    return bottom - (max(share, LOWEST) - LOWEST) / (1 - LOWEST) * (bottom - top)


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"
