"""The curves of a run show each number of its record over the steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.runs.curves import draw_curves


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, *paths: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *paths, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


def shown(figure: Figure) -> dict[str, list[tuple[float, float]]]:
    """The points of each chart that is shown, by its title."""
    return {axes.get_title(): points(axes) for axes in figure.axes if axes.axison}


def points(axes: Axes) -> list[tuple[float, float]]:
    (line,) = axes.lines
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


ROWS: Sequence[dict[str, Any]] = [
    {"step": 1, "loss": 2.0},
    {"step": 2, "loss": 1.0, "recall_at_1": 0.25},
    {"step": 4, "loss": 0.5, "lr": 0.1},
]


def test_every_number_has_a_chart_of_the_steps_it_was_measured_at(
    drawn: list[Figure], tmp_path: Path
) -> None:
    draw_curves(ROWS, tmp_path / "curves.png")
    assert shown(drawn[0]) == {
        "loss": [(1, 2), (2, 1), (4, 0.5)],
        "recall at 1": [(2, 0.25)],
        "lr": [(4, 0.1)],
    }


@pytest.mark.parametrize(("numbers", "lines"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_two_charts_share_a_line_and_the_image_is_as_high_as_its_lines(
    numbers: int, lines: int, drawn: list[Figure], tmp_path: Path
) -> None:
    row = {"step": 1} | {f"n{place}": float(place) for place in range(numbers)}
    draw_curves([row], tmp_path / "curves.png")
    assert len(shown(drawn[0])) == numbers
    assert len(drawn[0].axes) == 2 * lines
    with PIL.Image.open(tmp_path / "curves.png") as image:
        assert image.height / image.width == pytest.approx(2.2 * lines / 9.6, rel=0.01)
