"""A report is one HTML file that parses, fetches nothing and escapes what people wrote."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from zoo import report

VOID = {"meta", "img", "line", "rect", "polyline", "wbr"}


class Balanced(HTMLParser):
    """Fails when a tag is closed that was not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def image(folder: Path) -> Path:
    path = folder / "a & b.png"
    Image.new("RGB", (300, 200), "red").save(path)
    return path


def test_a_page_is_balanced_self_contained_and_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    shown = report.Shown(image(tmp_path), hostile, right=True)
    html = report.page(
        hostile,
        hostile,
        report.section(hostile, report.paragraph(hostile), report.facts({hostile: hostile})),
        report.commands([hostile]),
        report.line_chart({hostile: [(0, 1), (1, 2)], "b": [(0, 0)]}, hostile, hostile),
        report.histogram({hostile: 3, "b": 0}, hostile, hostile),
        report.rankings([report.ranking(hostile, shown, [shown])]),
    )
    parser = Balanced()
    parser.feed(html)
    assert not parser.open
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!data:)', html)


def test_right_and_wrong_answers_are_marked_for_eyes_and_for_screen_readers(tmp_path: Path) -> None:
    path = image(tmp_path)
    hits = [report.Shown(path, "one", True), report.Shown(path, "two", False)]
    row = report.ranking("before", report.Shown(path, "q"), hits)
    assert re.findall(r'<figure class="(\w*)"', row) == ["query", "right", "wrong"]
    assert re.findall(r'alt="([^"]*)"', row) == ["query: q", "right: one", "wrong: two"]


def drawn(chart: str) -> str:
    """The SVG inside a chart's image."""
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', chart)
    assert found
    return base64.b64decode(found[1]).decode()


def test_a_curve_starts_bottom_left_and_ends_top_right_when_it_rises() -> None:
    svg = drawn(report.line_chart({"loss": [(0, 0.0), (10, 1.0)]}, "step", "loss"))
    ends = re.findall(r'd="M ([\d.]+) ([\d.]+)\s+L ([\d.]+) ([\d.]+)\s*"[^>]*width: 2;', svg)
    ((x1, y1, x2, y2),) = [tuple(map(float, each)) for each in ends]
    assert x1 < x2
    assert y1 > y2


def test_lines_are_named_where_there_are_two() -> None:
    points = [(0, 0.0), (10, 1.0)]
    assert 'alt="loss over step"' in report.line_chart({"loss": points}, "step", "loss")
    svg = drawn(report.line_chart({"loss": points}, "step", "loss"))
    assert "step</text>" in svg
    assert "loss</text>" in svg
    two = report.line_chart({"a": points, "b": points[::-1]}, "step", "loss")
    assert 'alt="loss over step of a, b"' in two


@pytest.mark.parametrize(("last", "halved"), [(1, True), (2, False)])
def test_steps_have_whole_ticks_where_there_is_more_than_one(last: int, halved: bool) -> None:
    svg = drawn(report.line_chart({"loss": [(0, 5.0), (last, 7.0)]}, "step", "loss"))
    across = re.search(r'<g id="matplotlib.axis_1">(.*?)<g id="matplotlib.axis_2">', svg, re.S)
    assert across
    ticks = re.findall(r">(\d+(?:\.\d+)?)</text>", across[1])
    assert any(float(tick) % 1 for tick in ticks) is halved


@pytest.mark.parametrize("points", [[(0, 2.0), (1, 2.0)], [(3, 0.0)]])
def test_a_flat_curve_and_a_single_point_are_drawn(points: list[tuple[int, float]]) -> None:
    svg = drawn(report.line_chart({"loss": points}, "step", "loss"))
    assert "#4a7fe0" in svg


@pytest.mark.parametrize(("count", "marked"), [(1, 1), (2, 0), (3, 0)])
def test_a_point_alone_is_marked_as_a_line_would_not_show_it(count: int, marked: int) -> None:
    points = [(n, n / 2) for n in range(count)]
    svg = drawn(report.line_chart({"loss": points}, "step", "loss"))
    assert len(re.findall("<use [^>]*#4a7fe0", svg)) == marked


def test_where_nothing_was_recorded_a_sentence_stands_in_the_charts_place() -> None:
    assert "no curve to draw" in report.line_chart({"loss": []}, "step", "loss")
    assert "no curve to draw" in report.line_chart({}, "step", "loss")
    assert "queries" in report.histogram({}, "rank", "queries")


def test_counts_and_steps_have_whole_ticks() -> None:
    bars = drawn(report.histogram({"1": 2, "2": 3}, "rank", "queries"))
    steps = drawn(report.line_chart({"loss": [(1, 0.5), (2, 0.4), (3, 0.3)]}, "step", "loss"))
    across = re.search(r'<g id="matplotlib.axis_1">(.*?)<g id="matplotlib.axis_2">', steps, re.S)
    upward = re.search(r'<g id="matplotlib.axis_2">(.*)', bars, re.S)
    assert across
    assert upward
    for axis in (across[1], upward[1]):
        ticks = re.findall(r">(\d+(?:\.\d+)?)</text>", axis)
        assert ticks
        assert all("." not in tick for tick in ticks)


def test_the_same_chart_is_the_same_text_and_says_in_words_what_it_shows() -> None:
    chart = report.histogram({"1": 2, "2-5": 3}, "rank", "queries")
    assert chart == report.histogram({"1": 2, "2-5": 3}, "rank", "queries")
    assert 'alt="queries by rank; 1: 2, 2-5: 3"' in chart


def test_a_name_is_no_formula_and_no_hidden_entry_of_the_legend() -> None:
    svg = drawn(report.line_chart({"$x_{$": [(0, 1)], "_b": [(0, 2)]}, "a$b$", "$"))
    assert "$x_{$" in svg


def test_what_is_no_block_is_escaped_too() -> None:
    page = report.page("a", "b", "<script>")
    assert "<script" not in page


def test_numbers_are_right_aligned_and_words_are_not() -> None:
    html = report.table(["metric", "value"], [["recall_at_1", 0.5], ["count", 3]])
    assert '<td class="number">0.5000</td>' in html
    assert '<td class="number">3</td>' in html
    assert "<td>recall_<wbr>at_<wbr>1</td>" in html
