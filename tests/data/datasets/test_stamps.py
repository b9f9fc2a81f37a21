from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.datasets.stamps import build_stamps, labels_of, on_square, read_words
from zoo.data.images import open_image
from zoo.errors import DataError, UsageError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10">{}</svg>'
RED = '<rect width="20" height="10" fill="#f00"/>'
WORDS = "A yak.\nde.utf8=Ein Jak.\nca@valencia.utf8=Un iac.\nfr.utf8=\n\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "stamps"
    places = ("birds/owl", "birds/cartoon/tux", "cats/cat", "cats/lion", "cats/cats/tiger")
    for place in (*places, "cats/cats/puma", "birds/owl_mirror", "lone/eel"):
        path = root / "animals" / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (8, 40), (0, 0, 255, 128)).save(path)
        path.with_suffix(".txt").write_text(WORDS, "utf-8")
    birds = root / "animals/birds"
    (birds / "owl.svg").write_text(SVG.format(RED))
    for name, inside in (("flag", RED), ("sign", "<text>STOP</text>")):
        (birds / f"{name}.svg").write_text(SVG.format(inside))
        (birds / f"{name}.txt").write_text("A flag.\n")
    (birds / "broken.svg").write_text("<svg>")
    (birds / "broken.txt").write_text("Broken.\n")
    Image.new("RGB", (8, 8)).save(birds / "unnamed.png")
    return root


def test_folders_are_classes_and_what_is_not_read_is_listed(source: Path, tmp_path: Path) -> None:
    dataset = build_stamps(tmp_path / "out", source=source, size=16)
    names = Counter(item.labels[0] for item in dataset.items)
    assert names == {"animals/birds": 3, "animals/cats": 2, "animals/cats/cats": 2}
    assert {item.labels[1:] for item in dataset.items if "cats" in item.labels[0]} == {
        ("animals/cats", "animals")
    }
    reasons = {Path(skip.path).name: skip.reason for skip in dataset.skipped}
    assert reasons.pop("broken.svg").startswith("cannot be drawn")
    assert reasons == {
        "owl.svg": "the PNG of the same name is read",
        "owl_mirror.png": "the mirror image of another",
        "sign.svg": "holds text, whose look depends on the fonts of a machine",
        "unnamed.png": "no caption beside it",
        "eel.png": "alone in its class",
    }


def test_no_class_is_on_both_sides_and_captions_keep_their_languages(
    source: Path, tmp_path: Path
) -> None:
    dataset = build_stamps(tmp_path / "out", source=source, size=16)
    sides = {s: {i.labels[0] for i in dataset.split(s).items} for s in ("train", "test")}
    assert sides["train"].isdisjoint(sides["test"])
    yak = next(item for item in dataset.items if item.path.stem == "lion")
    assert yak.captions == ("A yak.",)
    assert yak.extra == {"caption_ca@valencia": "Un iac.", "caption_de": "Ein Jak."}


def test_the_set_is_drawn_once_and_never_over_another(source: Path, tmp_path: Path) -> None:
    first = build_stamps(tmp_path / "out", source=source, size=16)
    written = (tmp_path / "out/manifest.csv").stat().st_mtime_ns
    assert build_stamps(tmp_path / "out", source=source, size=16) == first
    assert (tmp_path / "out/manifest.csv").stat().st_mtime_ns == written
    with pytest.raises(UsageError, match="drawn with another size"):
        build_stamps(tmp_path / "out", source=source, size=32)


@pytest.mark.parametrize(("stem", "drawn"), [("owl", (4, 16)), ("flag", (16, 8))])
def test_a_drawing_keeps_its_shape_on_a_white_square(
    source: Path, tmp_path: Path, stem: str, drawn: tuple[int, int]
) -> None:
    path = source / "animals/birds" / f"{stem}{'.png' if stem == 'owl' else '.svg'}"
    on_square(path, 16).save(tmp_path / "square.png")
    inked = np.asarray(open_image(tmp_path / "square.png")).min(axis=2) < 250
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    assert inked.shape == (16, 16)
    assert abs(len(columns) - drawn[0]) <= 1
    assert abs(len(rows) - drawn[1]) <= 1
    assert abs(columns[0] - (15 - columns[-1])) <= 1  # in the middle


def test_only_style_folders_belong_to_the_one_above() -> None:
    assert labels_of(Path("cartoon/tux")) == ("cartoon/tux", "cartoon/tux", "cartoon")
    assert labels_of(Path("a/b/c/d")) == ("a/b/c", "a/b", "a")
    assert labels_of(Path("people/toys")) == ("people", "people", "people")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"A yak.\nde=Jak\n", "line 2: 'de=Jak' is not"),
        (b"\xff", "byte 0 is not UTF-8"),
    ],
)
def test_a_damaged_text_is_named(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "yak.txt").write_bytes(text)
    with pytest.raises(DataError, match=rf"yak\.txt:? {message}"):
        read_words(tmp_path / "yak.txt")


def test_without_the_package_its_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not installed") as error:
        build_stamps(tmp_path / "out", source=tmp_path / "none")
    assert error.value.hint == "apt-get install tuxpaint-stamps-default"
    assert not (tmp_path / "out").exists()
