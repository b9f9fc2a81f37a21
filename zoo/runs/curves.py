"""A run's record as an image: one small line chart a quantity."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageDraw

from zoo.files import atomic_path

WIDTH, HEIGHT, MARGIN = 480, 220, 44
INK, PALE, LINE = (40, 40, 40), (215, 215, 215), (20, 90, 170)


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG with a chart over steps for every number in the rows, two charts a line."""
    names = [n for n in dict.fromkeys(name for row in rows for name in row) if n != "step"]
    lines = max(1, (len(names) + 1) // 2)
    sheet = PIL.Image.new("RGB", (2 * WIDTH, lines * HEIGHT), "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for place, name in enumerate(names):
        points = [(float(row["step"]), float(row[name])) for row in rows if name in row]
        corner = (place % 2 * WIDTH, place // 2 * HEIGHT)
        _draw_chart(pen, corner, name.replace("_", " "), points)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def _draw_chart(
    pen: PIL.ImageDraw.ImageDraw,
    corner: tuple[int, int],
    title: str,
    points: Sequence[tuple[float, float]],
) -> None:
    left, top = float(corner[0] + MARGIN), float(corner[1] + MARGIN // 2)
    right, bottom = float(corner[0] + WIDTH - 12), float(corner[1] + HEIGHT - MARGIN // 2)
    pen.text((left, corner[1] + 5), title, fill=INK)
    pen.rectangle((left, top, right, bottom), outline=PALE)
    xs, ys = zip(*points, strict=True)
    low, high = min(ys), max(ys)
    pen.text((corner[0] + 4, top), f"{high:.3g}", fill=INK)
    pen.text((corner[0] + 4, bottom - 12), f"{low:.3g}", fill=INK)
    pen.text((left, bottom + 4), f"{min(xs):.0f}", fill=INK)
    pen.text((right - 40, bottom + 4), f"{max(xs):.0f}", fill=INK)
    across = [_scaled(x, min(xs), max(xs), left, right) for x in xs]
    down = [_scaled(y, low, high, bottom, top) for y in ys]
    path = list(zip(across, down, strict=True))
    if len(path) > 1:
        pen.line(path, fill=LINE, width=2)
    for x, y in path:
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=LINE)


def _scaled(value: float, low: float, high: float, start: float, end: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return start + share * (end - start)
