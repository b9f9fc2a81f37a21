"""Curves and histograms, drawn by matplotlib in one style, held inside the page as SVG."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from markupsafe import Markup

from zoo.report.html import block, paragraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[int | float, int | float]


def line_chart(series: Mapping[str, Sequence[Point]], x_label: str, y_label: str) -> Markup:
    """Return one line per named series of (x, y) points, with axes and a legend.

    Where there is no point at all, a sentence says so in its place.
    """
    if not any(series.values()):
        return paragraph(f"No {y_label} was recorded, so there is no curve to draw.")
    with styled():
        figure, axes = _axes(x_label, y_label)
        for name, points in series.items():
            xs, ys = [x for x, _ in points], [y for _, y in points]
            axes.plot(xs, ys, marker="o" if len(points) < 2 else "", label=plain(name))
        _whole_ticks(axes, [x for points in series.values() for x, _ in points])
        if len(series) > 1:
            axes.legend()
        names = f" of {', '.join(series)}" if len(series) > 1 else ""
        return block("chart", as_address(figure), f"{y_label} over {x_label}{names}")


def histogram(counts: Mapping[str, int], x_label: str, y_label: str) -> Markup:
    """Return one bar per bin with its count, in the mapping's order.

    Where there is no bin, a sentence says so in its place.
    """
    if not counts:
        return paragraph(f"No {y_label} to count by {x_label}.")
    with styled():
        from matplotlib.ticker import MaxNLocator

        figure, axes = _axes(x_label, y_label)
        bars = axes.bar([plain(name) for name in counts], list(counts.values()))
        axes.bar_label(bars, fontsize=8)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.grid(visible=False, axis="x")
        told = ", ".join(f"{name}: {count}" for name, count in counts.items())
        return block("chart", as_address(figure), f"{y_label} by {x_label}; {told}")


@contextmanager
def styled() -> Iterator[None]:
    """Within the block, matplotlib draws in the style of `rankzoo.mplstyle`."""
    from matplotlib import style

    with as_file(files("zoo.report").joinpath("rankzoo.mplstyle")) as path, style.context(path):
        yield


def as_svg(figure: "Figure") -> str:
    """Return a figure as SVG, the same for the same figure."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, facecolor=figure.get_facecolor())
    return buffer.getvalue()


def as_address(figure: "Figure") -> str:
    """Return a figure as a `data:` address."""
    encoded = base64.b64encode(as_svg(figure).encode()).decode()
    return "data:image/svg+xml;base64," + encoded


def _axes(x_label: str, y_label: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.set_xlabel(plain(x_label))
    axes.set_ylabel(plain(y_label))
    return figure, axes


def _whole_ticks(axes: "Axes", values: Sequence[int | float]) -> None:
    from matplotlib.ticker import MaxNLocator

    whole = all(float(value).is_integer() for value in values)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=whole and max(values) > 1))


def plain(text: str) -> str:
    """Return text that matplotlib reads as it stands: no formula, no hidden legend entry."""
    return text.replace("$", r"\$").removeprefix("_")
