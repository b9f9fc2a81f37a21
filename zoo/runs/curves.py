"""A run's record as an image: one small line chart a quantity."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.files import atomic_path
from zoo.report.charts import styled


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG with a chart over steps for every number in the rows, two charts a line."""
    with styled():
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        names = [n for n in dict.fromkeys(name for row in rows for name in row) if n != "step"]
        lines = max(1, (len(names) + 1) // 2)
        figure = Figure(figsize=(9.6, 2.2 * lines), facecolor="white")
        charts = figure.subplots(lines, 2, squeeze=False).flat
        for axes, name in zip(charts, names, strict=False):
            points = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3)
            axes.set_title(name.replace("_", " "))
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        for axes in list(figure.axes)[len(names) :]:
            axes.set_axis_off()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", facecolor="white")
