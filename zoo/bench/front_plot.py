"""The front of sorters as an SVG picture: rank error across, explained rank change up."""

import math
from collections.abc import Sequence
from html import escape

from zoo.bench.sorters import Place
from zoo.sorters.front import RESOLUTIONS

WIDTH, HEIGHT, MARGIN = 300.0, 260.0, 36.0
EXACT = 2e-4  # where an error of 0 stands on the logarithmic axis
WORST = 0.2
LOWEST = -0.2


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
    for place in places:
        x, y = _across(place.l1[number], left, right), _up(place.r2[number], top, bottom)
        colour = "#c0392b" if place.sorter == ours else "#2c5f8a"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        near_right = x > right - 70
        shift, anchor = (-5, "end") if near_right else (5, "start")
        parts.append(_text(x + shift, y + 3, place.sorter, anchor, colour))
    return "".join(parts)


def _across(error: float, left: float, right: float) -> float:
    share = math.log(max(error, EXACT) / EXACT) / math.log(WORST / EXACT)
    return left + 6 + min(share, 1.0) * (right - left - 12)


def _up(share: float, top: float, bottom: float) -> float:
    return bottom - (max(share, LOWEST) - LOWEST) / (1 - LOWEST) * (bottom - top)


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"
