"""The images of a page are the files' own, small enough to be held inside it."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from zoo.report.images import Shown, ranking, thumbnail


def decoded(address: str) -> Image.Image:
    kind, _, content = address.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize(
    ("shape", "shrunk"), [((300, 200), (80, 53)), ((200, 300), (53, 80)), ((40, 20), (40, 20))]
)
def test_an_image_is_shrunk_to_eighty_pixels_in_its_own_shape_and_colours(
    tmp_path: Path, shape: tuple[int, int], shrunk: tuple[int, int]
) -> None:
    Image.new("RGB", shape, (200, 30, 60)).save(tmp_path / "a.png")
    found = decoded(thumbnail(tmp_path / "a.png"))
    assert found.size == shrunk
    pixel = found.convert("RGB").getpixel((9, 9))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) < 12 for a, b in zip(pixel, (200, 30, 60), strict=True))


def test_a_thumbnail_of_a_photograph_takes_a_few_kilobytes(tmp_path: Path) -> None:
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    noise.save(tmp_path / "a.png")
    assert len(thumbnail(tmp_path / "a.png")) < 6000
    assert decoded(thumbnail(tmp_path / "a.png", size=16)).size == (16, 12)


def test_a_row_of_hits_without_a_query_marks_what_is_known(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    row = ranking("", None, [Shown(path, "x"), Shown(path, "y", True)])
    assert row.count("<figure") == 2
    assert 'alt="x"' in row
    assert 'alt="right: y"' in row
    assert "query" not in row
