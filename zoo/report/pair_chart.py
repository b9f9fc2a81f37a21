"""Two sides measured with the same seeds: their values side by side, and what lies between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from zoo.report.charts import as_address, plain, styled
from zoo.report.html import block

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT, LEGEND = 2.3, 0.3  # inches: of a metric's row, of the line of seeds above
MOST_SEEDS = 6  # that the line of seeds holds


@dataclass(frozen=True)
class Pairs:
    """A metric's values of two sides by seed; b - a with the bounds of its interval."""

    metric: str
    a: Mapping[int, float]
    b: Mapping[int, float]
    difference: float
    low: float
    high: float


def pair_chart(a: str, b: str, metrics: Sequence[Pairs]) -> Markup:
    """Return one image of two sides, `a` and `b`: a row a metric.

    To the left a line joins the two values of a seed (a seed of one side alone is a dot); to the
    right stands the difference with its interval, and 0.
    """
    with styled():
        from matplotlib import rcParams
        from matplotlib.figure import Figure

        width, _ = rcParams["figure.figsize"]
        figure = Figure(figsize=(width, HEIGHT * len(metrics) + LEGEND))
        grid = figure.subplots(len(metrics), 2, squeeze=False, width_ratios=[3, 1])
        seeds = sorted({seed for pairs in metrics for seed in (*pairs.a, *pairs.b)})
        for (left, right), pairs in zip(grid, metrics, strict=True):
            _draw_seeds(left, (plain(a), plain(b)), pairs, seeds)
            _draw_difference(right, pairs)
        if len(seeds) <= MOST_SEEDS:
            handles, labels = grid[0][0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", ncols=MOST_SEEDS)
        return block("chart", as_address(figure), "; ".join(_told(a, b, each) for each in metrics))


def _draw_seeds(axes: "Axes", names: tuple[str, str], pairs: Pairs, seeds: Sequence[int]) -> None:
    for seed in seeds:
        sides = [
            (place, side[seed]) for place, side in enumerate((pairs.a, pairs.b)) if seed in side
        ]
        places, values = zip(*sides, strict=True) if sides else ((), ())
        axes.plot(places, values, marker="o", linewidth=1.5, label=f"seed {seed}")
    axes.set_xticks([0, 1], names)
    axes.set_xlim(-0.4, 1.4)
    axes.set_ylabel(plain(pairs.metric))
    axes.grid(visible=False, axis="x")


def _draw_difference(axes: "Axes", pairs: Pairs) -> None:
    from matplotlib import rcParams

    below, above = pairs.difference - pairs.low, pairs.high - pairs.difference
    reach = [[max(0.0, below)], [max(0.0, above)]]  # of equal values, a rounding is left
    axes.axhline(0, color=rcParams["axes.edgecolor"], linewidth=1.2)
    axes.errorbar([0], [pairs.difference], yerr=reach, fmt="o", capsize=4, color="C0")
    axes.set_xticks([0], ["difference"])
    axes.set_xlim(-1, 1)
    axes.grid(visible=False, axis="x")


def _told(a: str, b: str, pairs: Pairs) -> str:
    sides = (
        f"{name} " + ", ".join(f"{value:.1f}" for _, value in sorted(side.items()))
        for name, side in ((a, pairs.a), (b, pairs.b))
    )
    between = f"difference {pairs.difference:+.1f} ({pairs.low:+.1f} to {pairs.high:+.1f})"
    return f"{pairs.metric} by seed: {', '.join(sides)}; {between}"
