from pathlib import Path

import pytest

from zoo.data.datasets.voc import CLASSES, Box, read_voc_boxes, read_voc_labels
from zoo.errors import DataError

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>1</xmin><ymin>11</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>"""


def annotation(*objects: tuple[str, int]) -> str:
    size = "<size><width>50</width><height>40</height><depth>3</depth></size>"
    inner = "".join(OBJECT.format(name=name, difficult=hard) for name, hard in objects)
    return f"<annotation>{size}{inner}</annotation>"


def write_year(devkit: Path, year: str, images: dict[str, list[tuple[str, int]]]) -> Path:
    """A devkit of one year as the archives lay it out: twenty class files and one XML an image."""
    folder = devkit / f"VOC{year}"
    sets = folder / "ImageSets" / "Main"
    for part in (folder / "JPEGImages", folder / "Annotations", sets):
        part.mkdir(parents=True)
    for name, objects in images.items():
        (folder / "JPEGImages" / f"{name}.jpg").touch()
        (folder / "Annotations" / f"{name}.xml").write_text(annotation(*objects))
    (sets / "train.txt").write_text("".join(f"{name}\n" for name in images))
    for label in CLASSES:
        lines = []
        for name, objects in images.items():
            difficulties = [hard for other, hard in objects if other == label]
            mark = -1 if not difficulties else 0 if all(difficulties) else 1
            lines.append(f"{name} {mark:2d}\n")
        (sets / f"{label}_train.txt").write_text("".join(lines))
    return folder


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    devkit = tmp_path / "VOCdevkit"
    write_year(devkit, "2007", {"000005": [("dog", 0), ("dog", 1)], "000007": [("car", 1)]})
    write_year(devkit, "2012", {"2008_000002": [("train", 0)]})
    return devkit


def test_labels_come_from_the_class_files_with_difficult_ones_apart(devkit: Path) -> None:
    labels = read_voc_labels(devkit, "train", year="2007")
    assert labels.classes == CLASSES
    assert [path.name for path in labels.paths] == ["000005.jpg", "000007.jpg"]
    assert labels.present.nonzero().tolist() == [[0, CLASSES.index("dog")]]
    assert labels.difficult.nonzero().tolist() == [[1, CLASSES.index("car")]]


def test_boxes_count_pixels_from_zero(devkit: Path) -> None:
    first, second = read_voc_boxes(devkit, "train", year="2007")
    assert (first.width, first.height) == (50, 40)
    assert first.boxes == (
        Box("dog", 0.0, 10.0, 20.0, 30.0),
        Box("dog", 0.0, 10.0, 20.0, 30.0, difficult=True),
    )
    assert second.boxes == (Box("car", 0.0, 10.0, 20.0, 30.0, difficult=True),)


@pytest.mark.parametrize("where", ["", "..", "VOC2007"])
def test_the_devkit_its_parent_or_a_year_may_be_given(devkit: Path, where: str) -> None:
    expected = 2 if where == "VOC2007" else 3
    assert len(read_voc_labels(devkit / where, "train")) == expected
    assert len(read_voc_boxes(devkit / where, "train")) == expected


def test_missing_files_are_named_with_their_source(devkit: Path) -> None:
    with pytest.raises(DataError, match=r"test\.txt: missing") as error:
        read_voc_labels(devkit, "test", year="2007")
    assert "splits there: train" in error.value.hint
    assert "VOCtest_06-Nov-2007.tar" in error.value.hint
    (devkit / "VOC2007/JPEGImages/000007.jpg").unlink()
    with pytest.raises(DataError, match=r"000007\.jpg: missing"):
        read_voc_labels(devkit, "train", year="2007")
    with pytest.raises(DataError, match=r"000007\.jpg: missing"):
        read_voc_boxes(devkit, "train", year="2007")
    with pytest.raises(DataError, match="ImageSets/Main: missing"):
        read_voc_boxes(devkit / "VOC2007" / "JPEGImages", "train")
    (devkit / "VOC2012/ImageSets/Main/cat_train.txt").unlink()
    with pytest.raises(DataError, match=r"cat_train\.txt: missing"):
        read_voc_labels(devkit, "train", year="2012")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("000005 2\n000007 -1\n", "line 1: '2' is not 1, -1 or 0"),
        ("000005\n000007 -1\n", "line 1: '000005' is not `image mark`"),
        ("000005 1\n", "no line for image 000007"),
    ],
)
def test_a_malformed_class_file_names_the_line(devkit: Path, lines: str, message: str) -> None:
    (devkit / "VOC2007/ImageSets/Main/dog_train.txt").write_text(lines)
    with pytest.raises(DataError, match=f"dog_train.txt:? {message}"):
        read_voc_labels(devkit, "train", year="2007")


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<annotation>", "not XML"),
        ("<annotation></annotation>", "annotation/size/width is None, not a number"),
        (annotation(("", 0)), "an object has no name"),
        (annotation(("dog", 0)).replace("<xmax>20", "<xmax>0"), "dog: the box has no area"),
        (annotation(("dog", 0)).replace("<ymin>11", "<ymin>x"), "object/bndbox/ymin is 'x'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "declares XML entities"),
    ],
)
def test_a_malformed_annotation_names_the_element(devkit: Path, xml: str, message: str) -> None:
    (devkit / "VOC2007/Annotations/000005.xml").write_text(xml)
    with pytest.raises(DataError, match=rf"000005\.xml: {message}"):
        read_voc_boxes(devkit, "train", year="2007")
