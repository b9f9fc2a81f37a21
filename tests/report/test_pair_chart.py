"""Two sides by seed and their difference, as an image and in words."""

import base64
import re
from dataclasses import replace

import pytest

from zoo.report import Pairs, pair_chart

HELPED = Pairs("R@1", {0: 10.0, 1: 20.0}, {0: 30.0, 1: 60.0}, 30.0, 25.0, 35.0)


def drawn(chart: str) -> str:
    """The SVG inside a chart's image."""
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', chart)
    assert found
    return base64.b64decode(found[1]).decode()


def lines(svg: str, width: float) -> list[tuple[float, ...]]:
    """The ends (x, y, x, y) of the straight lines of a width; y grows downwards."""
    found = re.findall(
        rf'd="M ([\d.]+) ([\d.]+)\s+L ([\d.]+) ([\d.]+)\s*"[^>]*stroke-width: {width}[;"]', svg
    )
    return [tuple(map(float, ends)) for ends in found]


def test_a_line_joins_the_two_sides_of_each_seed() -> None:
    svg = drawn(pair_chart("a", "b", [HELPED]))
    rising = [ends for ends in lines(svg, 1.5) if ends[3] < ends[1]]
    assert len(rising) == 2
    assert len({ends[0] for ends in rising}) == len({ends[2] for ends in rising}) == 1
    lower, higher = sorted(rising, key=lambda ends: -ends[1])
    assert higher[1] - higher[3] > lower[1] - lower[3], "seed 1 gains more"
    assert all(f"seed {seed}</text>" in svg for seed in (0, 1))


def test_the_interval_stands_on_the_side_of_zero_where_it_lies() -> None:
    lost = replace(HELPED, difference=-30.0, low=-35.0, high=-25.0)
    for pairs, sign in ((HELPED, -1), (lost, 1)):
        svg = drawn(pair_chart("a", "b", [pairs]))
        ((left, zero, _, _),) = lines(svg, 1.2)
        (interval,) = [e for e in lines(svg, 2) if e[0] == e[2] > left]
        assert all(sign * (y - zero) > 0 for y in (interval[1], interval[3]))


def test_the_interval_stands_in_the_middle_above_its_name() -> None:
    svg = drawn(pair_chart("a", "b", [HELPED]))
    ((left, _, right, _),) = lines(svg, 1.2)
    middle = (left + right) / 2
    assert [ends[0] for ends in lines(svg, 2) if ends[0] == ends[2]][-1] == pytest.approx(middle)
    marks = [
        (float(y), float(x)) for x, y in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', svg)
    ]
    below = sorted(x for y, x in marks if y == max(marks)[0])
    assert len(below) == 3, "a name each side, and the difference's"
    assert below[-1] == pytest.approx(middle)


def test_nothing_but_the_axis_stands_upright_behind_the_lines() -> None:
    svg = drawn(pair_chart("a", "b", [HELPED]))
    upright = {ends[0] for ends in lines(svg, 0.8) if ends[0] == ends[2]}
    level = [ends for ends in lines(svg, 0.8) if ends[1] == ends[3]]
    assert len(upright) == 3, "an axis each, and the mark of a tick"
    assert len(level) > 4


def test_a_row_a_metric_and_the_numbers_in_words() -> None:
    twice = [HELPED, replace(HELPED, metric="mAP@R", difference=-1.0, low=-2.0, high=0.5)]
    chart = pair_chart("a", "b", twice)
    assert chart.count("<img") == 1
    assert "R@1 by seed: a 10.0, 20.0, b 30.0, 60.0; difference +30.0 (+25.0 to +35.0)" in chart
    assert "difference -1.0 (-2.0 to +0.5)" in chart
    svg = drawn(chart)
    assert svg.count("difference</text>") == 2
    assert "mAP@R</text>" in svg


def test_a_seed_of_one_side_alone_and_more_seeds_than_the_legend_holds_are_drawn() -> None:
    alone = replace(HELPED, b={0: 30.0})
    assert len([e for e in lines(drawn(pair_chart("a", "b", [alone])), 1.5) if e[3] < e[1]]) == 1
    many = replace(HELPED, a={s: 1.0 * s for s in range(9)}, b={s: 2.0 * s + 1 for s in range(9)})
    svg = drawn(pair_chart("a", "b", [many]))
    assert len([ends for ends in lines(svg, 1.5) if ends[3] < ends[1]]) == 9
    assert "seed 0</text>" not in svg


@pytest.mark.parametrize(("count", "named"), [(6, True), (7, False)])
def test_a_legend_names_six_seeds_and_not_seven(count: int, named: bool) -> None:
    sides = {seed: float(seed) for seed in range(count)}
    svg = drawn(pair_chart("a", "b", [replace(HELPED, a=sides, b=sides)]))
    assert all((f"seed {seed}</text>" in svg) is named for seed in sides)


def test_names_are_no_formulas_and_no_markup() -> None:
    chart = pair_chart("<script>", "$x_{$", [replace(HELPED, metric="$")])
    assert "<script" not in chart
    assert "$x_{$" in drawn(chart)
