"""The page of results shows every query with its images in order, and says what is missing."""

import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from zoo.embedding.rows import Record
from zoo.search.hits import Hit, ranked
from zoo.search.queries import Query
from zoo.search.results_page import readable, results_page


def hits(folder: Path, *names: str) -> list[Hit]:
    """Hits of falling scores, of which those named `gone` are not there."""
    for name in names:
        if name != "gone":
            Image.new("RGB", (30, 30), (len(name), 0, 0)).save(folder / f"{name}.png")
    rows = [
        (1 - n / 8, Record(f"{name}.png", labels={"label": f"<{name}>"}, id=n))
        for n, name in enumerate(names)
    ]
    return ranked(rows, folder)


def test_every_hit_has_its_image_and_its_row_in_order(tmp_path: Path) -> None:
    found = hits(tmp_path, "ant", "bee", "cat")
    page = results_page(tmp_path, [Query("red", found[0].path)], [found])
    assert f"1 query to {tmp_path}" in page
    assert page.count("<img") == 4  # the query's own too
    captions = ("1. &lt;ant&gt; 1.000", "2. &lt;bee&gt; 0.875", "3. &lt;cat&gt; 0.750")
    places = [page.index(caption) for caption in captions]
    assert places == sorted(places)
    rows = re.findall(r"<td[^>]*>&lt;(\w+)&gt;</td>", page)
    assert rows == ["ant", "bee", "cat"]
    assert "Missing" not in page


def test_a_text_has_no_image_and_a_missing_image_is_a_row_and_a_note(tmp_path: Path) -> None:
    found = hits(tmp_path, "ant", "gone")
    page = results_page(tmp_path, [Query("red"), Query("blue")], [found, found[1:]])
    assert f"2 queries to {tmp_path}" in page
    assert page.count("<img") == 1
    assert page.count("Missing or unreadable images: 1.") == 2
    assert len(re.findall(r"<td[^>]*>&lt;gone&gt;</td>", page)) == 2
    assert "2. &lt;gone&gt;" not in page


def test_what_is_no_whole_image_is_not_readable(tmp_path: Path) -> None:
    whole = hits(tmp_path, "ant")[0].path
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-30])
    assert readable(whole)
    assert not readable(tmp_path / "cut.png")
    assert not readable(tmp_path / "gone.png")


def test_without_a_label_an_image_stands_over_its_caption_and_else_its_name(
    tmp_path: Path,
) -> None:
    found = [replace(hit, record=replace(hit.record, labels={})) for hit in hits(tmp_path, "ant")]
    captioned = [replace(hit, record=replace(hit.record, caption="a red ant")) for hit in found]
    page = results_page(tmp_path, [Query("red"), Query("blue")], [found, captioned])
    assert "1. ant.png 1.000" in page
    assert "1. a red ant 1.000" in page
