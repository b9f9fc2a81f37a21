"""Curves and histograms as inline SVG."""

from collections.abc import Mapping, Sequence
from html import escape

Point = tuple[int | float, int | float]

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 40
COLOURS = ("var(--one)", "var(--two)", "var(--three)", "var(--right)", "var(--wrong)")


def line_chart(series: Mapping[str, Sequence[Point]], x_label: str, y_label: str) -> str:
    """Return one polyline per named series of (x, y) points, with axes and a legend.

    Raises:
        ValueError: there is no point at all.
    """
    points = [(float(x), float(y)) for line in series.values() for x, y in line]
    if not points:
        raise ValueError("a chart needs at least one point")
    x_range = _padded([x for x, _ in points], 0.0)
    y_range = _padded([y for _, y in points], 0.05)
    lines = [
        _polyline(line, colour, x_range, y_range)
        for line, colour in zip(series.values(), _colours(len(series)), strict=True)
    ]
    body = [*_axes(x_range, y_range, x_label, y_label), *lines, *_legend(list(series))]
    return _svg(f"{y_label} over {x_label}", body)


def histogram(counts: Mapping[str, int], x_label: str, y_label: str) -> str:
    """Return one bar per bin, in the mapping's order.

    Raises:
        ValueError: there is no bin.
    """
    if not counts:
        raise ValueError("a histogram needs at least one bin")
    top = max(max(counts.values()), 1)
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    bars = []
    for i, (name, count) in enumerate(counts.items()):
        height = (HEIGHT - TOP - BOTTOM) * count / top
        x, y = LEFT + i * step, HEIGHT - BOTTOM - height
        bars.append(
            f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{max(step - 2, 1):.1f}" '
            f'height="{height:.1f}" fill="{COLOURS[0]}"><title>{escape(name)}: {count}</title>'
            f'</rect><text x="{x + step / 2:.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="middle">{escape(name)}</text>'
        )
    labels = [*_y_ticks((0.0, float(top)), y_label), _x_title(x_label)]
    return _svg(f"{y_label} by {x_label}", [*labels, *bars])


def _colours(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _padded(values: Sequence[float], margin: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = (high - low) * margin or (0.0 if high > low else abs(low) * 0.1 or 1.0)
    return low - pad, high + pad


def _x(value: int | float, bounds: tuple[float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - bounds[0]) / (bounds[1] - bounds[0])


def _y(value: int | float, bounds: tuple[float, float]) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bounds[0]) / (bounds[1] - bounds[0])


def _polyline(
    line: Sequence[Point], colour: str, xs: tuple[float, float], ys: tuple[float, float]
) -> str:
    points = " ".join(f"{_x(x, xs):.1f},{_y(y, ys):.1f}" for x, y in line)
    return f'<polyline points="{points}" stroke="{colour}"/>'


def _axes(
    xs: tuple[float, float], ys: tuple[float, float], x_label: str, y_label: str
) -> list[str]:
    ticks = [
        f'<text x="{_x(value, xs):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
        f"{value:.4g}</text>"
        for value in _ticks(xs)
    ]
    return [*_y_ticks(ys, y_label), *ticks, _x_title(x_label)]


def _y_ticks(ys: tuple[float, float], label: str) -> list[str]:
    lines = []
    for value in _ticks(ys):
        y = _y(value, ys)
        lines.append(
            f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    middle = (HEIGHT - BOTTOM) / 2
    title = f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">'
    return [*lines, f"{title}{escape(label)}</text>"]


def _ticks(bounds: tuple[float, float], count: int = 5) -> list[float]:
    step = (bounds[1] - bounds[0]) / (count - 1)
    return [bounds[0] + i * step for i in range(count)]


def _x_title(label: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>'


def _legend(names: Sequence[str]) -> list[str]:
    if len(names) < 2:
        return []
    return [
        f'<text x="{WIDTH - RIGHT}" y="{TOP + 14 * (i + 1)}" text-anchor="end" '
        f'style="fill:{colour}">{escape(name)}</text>'
        for i, (name, colour) in enumerate(zip(names, _colours(len(names)), strict=True))
    ]


def _svg(description: str, body: Sequence[str]) -> str:
    opening = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
    return f'{opening} aria-label="{escape(description)}">\n' + "\n".join(body) + "\n</svg>"
