from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.boxes.boxed import BoxedSet
from zoo.data.boxes.yolo import read_yolo
from zoo.errors import DataError

Draw = Callable[..., None]
NAMES = "names: [cat, house cat]\n"


@pytest.fixture
def yolo(tmp_path: Path, images: Draw) -> Callable[..., BoxedSet]:
    def read(line: str, config: str = NAMES + "train: images/train\n") -> BoxedSet:
        images("images/train/a.png", "images/train/b.png")
        (tmp_path / "labels/train").mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels/train/a.txt").write_text(line)
        (tmp_path / "data.yaml").write_text(config)
        return read_yolo(tmp_path / "data.yaml", "train")

    return read


Yolo = Callable[..., BoxedSet]


def test_shares_of_the_image_become_pixels(yolo: Yolo) -> None:
    part = yolo("1 0.5 0.5 0.5 0.2\n\n0 0.25 0.25 0.5 0.5")
    assert part.labels == ("cat", "house cat")
    assert part.images[0].edges.ravel().tolist() == pytest.approx([5, 4, 15, 6, 0, 0, 10, 5])
    assert part.images[0].labels.tolist() == [1, 0]
    assert len(part.images[1].labels) == 0  # no text file: no object


def test_an_outline_becomes_the_box_around_it(yolo: Yolo) -> None:
    part = yolo("0 0.1 0.2 0.5 0.9 0.3 0.4")
    assert part.images[0].edges[0].tolist() == pytest.approx([2, 2, 10, 9])


@pytest.mark.parametrize(
    "config",
    [
        "names: {0: cat, 1: house cat}\ntrain: [images/train]\n",
        NAMES + "path: .\ntrain: images/train\n",
        NAMES + "train: ../images/train\n",  # as Roboflow writes it
        NAMES + "path: images\ntrain: train\n",
        NAMES + "train: list.txt\n",
    ],
)
def test_folders_are_found_however_they_are_written(
    config: str, yolo: Yolo, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("images/train/a.png\nimages/train/b.png\n")
    part = yolo("0 0.5 0.5 1 1", config)
    assert [image.path.name for image in part.images] == ["a.png", "b.png"]
    assert part.boxes == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2 .5 .5 .1 .1", r"a\.txt line 1: class 2 is none of the 2 names"),
        ("-1 .5 .5 .1 .1", "class -1 is none"),
        ("0.5 .5 .5 .1 .1", "class 0.5 is none"),
        ("cat .5 .5 .1 .1", r"a\.txt line 1: 'cat .5 .5 .1 .1' is not all numbers"),
        ("0 .5 .5 .1", "3 numbers after the class, not 4"),
        ("0 .5 .5 .1 .1 .9", "5 numbers after the class, not 4"),
        ("0 10 10 5 5", "10 is no share of the image"),
        ("0 nan .5 .1 .1", "nan is no share of the image"),
        ("0 .5 .5 0 .1", r"a\.txt line 1: the box is 0 x 1"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_line(line: str, said: str, yolo: Yolo) -> None:
    with pytest.raises(DataError, match=said):
        yolo(line)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("train: images/train\n", "no names"),
        ("names: [cat, cat]\ntrain: images/train\n", "two classes are called 'cat'"),
        ("names: {1: cat}\ntrain: images/train\n", "names are not numbered 0 to 0"),
        ("names: 3\ntrain: images/train\n", "names are no list"),
        (NAMES + "train: elsewhere\n", "train is 'elsewhere', which is not there"),
        ("names: [\n", "not YAML"),
        ("!!python/object:os.system {}", "not YAML"),
        ("- a\n", "no names"),
    ],
)
def test_a_broken_configuration_is_one_line(config: str, said: str, yolo: Yolo) -> None:
    with pytest.raises(DataError, match=said) as caught:
        yolo("0 .5 .5 .1 .1", config)
    assert "\n" not in str(caught.value)


def test_a_list_of_classes_is_enough(tmp_path: Path, images: Draw) -> None:
    images("images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 .5 .5 1 1")
    (tmp_path / "classes.txt").write_text("cat\n")
    assert read_yolo(tmp_path / "classes.txt", "").boxes == 1


def test_an_image_may_be_listed_once_however_its_path_is_written(
    tmp_path: Path, images: Draw
) -> None:
    images("images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 .5 .5 1 1")
    (tmp_path / "train.txt").write_text("images/a.png\nlabels/../images/a.png\n")
    (tmp_path / "data.yaml").write_text("names: [cat]\ntrain: train.txt\n")
    with pytest.raises(DataError, match=r"image a\.png is also that of"):
        read_yolo(tmp_path / "data.yaml", "train")
