"""Draws the surrogate steps and their derivatives for zoo/ranking/README.md.

`python -m zoo.benchmarks.step_plot` writes `zoo/ranking/steps.svg`.
"""

from pathlib import Path

import torch
from torch import Tensor

from zoo.files import write_text
from zoo.ranking.steps import LowerStep, SigmoidStep, Step, SupRankStep

STEPS: dict[str, Step] = {
    "sigmoid, tau 0.01": SigmoidStep(),
    "SupRank": SupRankStep(),
    "lower bound (H-rank)": LowerStep(),
}
COLOURS = ("#1b6ca8", "#c4501b", "#3b8a4a")
WIDTH, HEIGHT, LEFT, TOP = 340.0, 220.0, 50.0, 30.0


def steps_figure(low: float = -0.1, high: float = 0.1, points: int = 201) -> str:
    """Return an SVG: values on the left, derivatives on the right, over gaps low..high."""
    gaps = torch.linspace(low, high, points, dtype=torch.float64)
    curves = [step.value_and_slope(gaps) for step in STEPS.values()]
    values = _panel("step(gap)", gaps, [value for value, _ in curves], -1.0, 7.0, LEFT)
    slopes = _panel(
        "its derivative", gaps, [slope for _, slope in curves], 0, 110, WIDTH + 2 * LEFT
    )
    key = "".join(
        f'<text x="{LEFT + 180 * i}" y="{TOP + HEIGHT + 45}" fill="{colour}">{name}</text>'
        for i, (name, colour) in enumerate(zip(STEPS, COLOURS, strict=True))
    )
    size = f'width="{2 * WIDTH + 3 * LEFT:.0f}" height="{HEIGHT + 90:.0f}"'
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    return f'{head}<rect width="100%" height="100%" fill="white"/>{values}{slopes}{key}</svg>\n'


def _panel(
    title: str, gaps: Tensor, curves: list[Tensor], bottom: float, top: float, left: float
) -> str:
    """Draw one pair of axes with a curve per step, cut at the frame."""
    low, high = float(gaps[0]), float(gaps[-1])
    frame = (
        f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>'
    )
    labels = [
        f'<text x="{left}" y="{TOP - 8}">{title}</text>',
        f'<text x="{left - 8}" y="{TOP + 10}" text-anchor="end">{top:g}</text>',
        f'<text x="{left - 8}" y="{TOP + HEIGHT}" text-anchor="end">{bottom:g}</text>',
        f'<text x="{left}" y="{TOP + HEIGHT + 16}">{low:g}</text>',
        f'<text x="{left + WIDTH}" y="{TOP + HEIGHT + 16}" text-anchor="end">{high:g}</text>',
    ]
    lines = []
    for curve, colour in zip(curves, COLOURS, strict=True):
        across = left + (gaps - low) / (high - low) * WIDTH
        up = TOP + HEIGHT - (curve.clamp(bottom, top) - bottom) / (top - bottom) * HEIGHT
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return frame + "".join(labels) + "".join(lines)


if __name__ == "__main__":
    write_text(Path(__file__).parents[1] / "ranking" / "steps.svg", steps_figure())
