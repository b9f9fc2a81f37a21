import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import ImageFont

from zoo.data.datasets import glyphs
from zoo.data.datasets.glyphs import build_glyphs, draw_letter, labels_of, letters_of
from zoo.errors import DataError

SHIPPED = Path(matplotlib.get_data_path()) / "fonts/ttf"  # fonts that every machine has
FACES = {f"ttf/{name}.ttf": f"fonts-{name}" for name in ("DejaVuSans", "DejaVuSerif", "cmr10")}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "fonts"
    for face in FACES:
        (root / face).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / Path(face).name, root / face)
    monkeypatch.setattr(glyphs, "FACES", FACES)
    monkeypatch.setattr(glyphs, "ASKING", {"ttf/DejaVuSerif.ttf"})
    monkeypatch.setattr(glyphs, "LEAST", 3)
    return root


def test_letters_that_enough_fonts_have_are_classes_and_what_fonts_lack_is_counted(
    source: Path, tmp_path: Path
) -> None:
    dataset = build_glyphs(tmp_path / "out", source=source, size=16)
    letters = letters_of(SHIPPED / "cmr10.ttf")  # the smallest of the three
    assert {"A", "z"} <= letters
    assert len(dataset.label_names[0]) == len(letters) == len(dataset) / 3
    shown = [(skip.path, skip.reason) for skip in dataset.skipped]
    assert shown[0][1] == "in fewer than 3 fonts"
    assert shown[1:] == [
        (Path(face).name, f"lacks 0 of the {len(letters)} letters") for face in FACES
    ]


def test_one_font_asks_about_letters_whose_case_and_marks_never_trained(
    source: Path, tmp_path: Path
) -> None:
    dataset = build_glyphs(tmp_path / "out", source=source, size=16)
    asked, answers = dataset.split("query"), dataset.split("gallery")
    assert {item.path.parent.name for item in asked.items} == {"DejaVuSerif"}
    assert {item.path.parent.name for item in answers.items} == {"DejaVuSans", "cmr10"}
    assert {i.labels[0] for i in asked.items} == {i.labels[0] for i in answers.items}
    families = {item.labels[1] for item in dataset.split("train").items}
    assert families.isdisjoint(item.labels[1] for item in asked.items)


@pytest.mark.parametrize(
    ("character", "labels"),
    [
        ("Á", ("latin capital letter a with acute", "latin a", "latin")),
        ("я", ("cyrillic small letter ya", "cyrillic ya", "cyrillic")),
        ("ß", ("latin small letter sharp s", "latin sharp s", "latin")),
        ("ǆ", ("latin small letter dz with caron", "latin dz", "latin")),
        ("7", None),
        ("ֆ", None),
        ("µ", None),
        ("\x00", None),
    ],
)
def test_a_letter_stands_under_its_plain_letter_and_its_script(
    character: str, labels: tuple[str, str, str] | None
) -> None:
    assert labels_of(character) == labels


def test_a_letter_that_a_font_lacks_is_not_drawn_as_a_box() -> None:
    assert "ж" in letters_of(SHIPPED / "DejaVuSans.ttf")
    assert "ж" not in letters_of(SHIPPED / "cmr10.ttf")


def test_letters_keep_their_size_and_base_line() -> None:
    font = ImageFont.truetype(str(SHIPPED / "DejaVuSans.ttf"), 29)
    ink = {c: np.flatnonzero((np.asarray(draw_letter(c, font, 48)) < 128).any(1)) for c in "oOpÁ"}
    assert len(ink["o"]) < len(ink["O"])
    assert abs(ink["o"][-1] - ink["O"][-1]) <= 1
    assert ink["p"][-1] > ink["o"][-1] + 3  # below the line
    assert ink["Á"][0] > 0  # the mark is not cut off


def test_without_the_fonts_their_packages_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="DejaVuSans.ttf: missing") as error:
        build_glyphs(tmp_path / "out", source=tmp_path)
    assert error.value.hint.split()[:2] == ["apt-get", "install"]
    assert set(error.value.hint.split()[2:]) == set(glyphs.FACES.values())
