"""A report is one HTML file that parses, fetches nothing and escapes what people wrote."""

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


def test_a_curve_starts_bottom_left_and_ends_top_right_when_it_rises() -> None:
    svg = report.line_chart({"loss": [(0, 0.0), (10, 1.0)]}, "step", "loss")
    found = re.search(r'points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', svg)
    assert found
    x1, y1, x2, y2 = map(float, found.groups())
    assert x1 < x2
    assert y1 > y2


def test_a_flat_curve_and_a_single_point_are_drawn() -> None:
    assert "polyline" in report.line_chart({"loss": [(0, 2.0), (1, 2.0)]}, "step", "loss")
    assert "polyline" in report.line_chart({"loss": [(3, 0.0)]}, "step", "loss")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        report.line_chart({"loss": []}, "step", "loss")
    with pytest.raises(ValueError, match="at least one bin"):
        report.histogram({}, "rank", "queries")


def test_numbers_are_right_aligned_and_words_are_not() -> None:
    html = report.table(["metric", "value"], [["recall_at_1", 0.5], ["count", 3]])
    assert '<td class="number">0.5000</td>' in html
    assert '<td class="number">3</td>' in html
    assert "<td>recall_<wbr>at_<wbr>1</td>" in html
