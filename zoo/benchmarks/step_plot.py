"""Draws the surrogate steps and their derivatives for zoo/ranking/README.md.

`python -m zoo.benchmarks.step_plot` writes `zoo/ranking/steps.svg`.
"""

from pathlib import Path

import torch

from zoo.files import write_text
from zoo.ranking.steps import LowerStep, SigmoidStep, Step, SupRankStep
from zoo.report.charts import as_svg, styled

STEPS: dict[str, Step] = {
    "sigmoid, tau 0.01": SigmoidStep(),
    "SupRank": SupRankStep(),
    "lower bound (H-rank)": LowerStep(),
}


def steps_figure(low: float = -0.1, high: float = 0.1, points: int = 201) -> str:
    """Return an SVG: values on the left, derivatives on the right, over gaps low..high."""
    gaps = torch.linspace(low, high, points, dtype=torch.float64)
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8.0, 3.0), facecolor="white")
        values, slopes = figure.subplots(1, 2)
        for name, step in STEPS.items():
            value, slope = step.value_and_slope(gaps)
            values.plot(gaps, value, label=name)
            slopes.plot(gaps, slope)
        values.set(title="step(gap)", xlabel="gap", ylim=(-1.0, 7.0))
        slopes.set(title="its derivative", xlabel="gap", ylim=(0.0, 110.0))
        values.legend()
        return as_svg(figure)


if __name__ == "__main__":
    write_text(Path(__file__).parents[1] / "ranking" / "steps.svg", steps_figure())
