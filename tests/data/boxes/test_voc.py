from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.boxes.boxed import Policies
from zoo.data.boxes.voc import read_voc, read_voc_folder
from zoo.data.datasets.voc import CLASSES
from zoo.errors import DataError

Draw = Callable[..., None]
SIDES = {"xmin": "2", "ymin": "3", "xmax": "6", "ymax": "7"}


def thing(name: str = "cat", extra: str = "", **changes: str) -> str:
    sides = "".join(f"<{k}>{v}</{k}>" for k, v in {**SIDES, **changes}.items())
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


@pytest.fixture
def voc(tmp_path: Path, images: Draw) -> Callable[..., Path]:
    def write(
        inside: str, root: str = "VOC2007", lines: str = "one\n", suffix: str = "jpg"
    ) -> Path:
        folder = tmp_path / root
        for name in ("ImageSets/Main", "Annotations"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "ImageSets/Main/train.txt").write_text(lines)
        for name in {line.split()[0] for line in lines.splitlines() if line.strip()}:
            (folder / f"Annotations/{name}.xml").write_text(f"<annotation>{inside}</annotation>")
            images(f"{root}/JPEGImages/{name}.{suffix}")
        return folder

    return write


Voc = Callable[..., Path]


def test_the_first_pixel_is_one_and_the_last_is_inside(voc: Voc) -> None:
    part = read_voc(voc(thing()), "train")
    assert part.images[0].edges.tolist() == [[1, 2, 6, 7]]
    assert part.images[0].areas.tolist() == [25.0]


def test_voc_keeps_its_twenty_labels_and_others_their_own(voc: Voc) -> None:
    assert read_voc(voc(thing()), "train").labels == CLASSES
    assert read_voc(voc(thing(), root="mine"), "train").labels == ("cat",)
    assert read_voc(voc(thing("yak") + thing()), "train").labels == ("cat", "yak")
    many = "".join(thing(f"k{n:02d}") for n in range(40))
    assert len(read_voc(voc(many), "train").labels) == 40


@pytest.mark.parametrize(
    ("flag", "ignored"),
    [
        *(("1", True), ("true", True), ("Yes", True), (" 1 ", True)),
        *(("0", False), ("False", False), ("", False), ("Unspecified", False)),
    ],
)
def test_difficult_is_read_as_tools_write_it(flag: str, ignored: bool, voc: Voc) -> None:
    part = read_voc(voc(thing(extra=f"<difficult>{flag}</difficult>")), "train")
    assert part.images[0].ignored.tolist() == [ignored]


@pytest.mark.parametrize("size", ["", "0", "64.0", "big", "-3"])
def test_a_size_that_no_image_has_is_the_images_own(size: str, voc: Voc) -> None:
    stated = f"<size><width>{size}</width><height>{size}</height></size>"
    image = read_voc(voc(stated + thing()), "train").images[0]
    assert (image.width, image.height) == (20, 10)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<object>", r"one\.xml line 1: mismatched tag"),
        (thing(" "), r"one\.xml, object 1: no name"),
        (thing() + thing(xmax="here"), r"one\.xml, object 2: no whole bndbox: xmax is 'here'"),
        ("<object><name>cat</name></object>", r"one\.xml, object 1: no whole bndbox"),
        (thing(xmax=""), r"one\.xml, object 1: no whole bndbox"),
        (thing(xmax="inf"), r"one\.xml, object 1: xmax is inf, no number of pixels"),
        (thing(xmax="nan"), r"one\.xml, object 1: xmax is nan, no number of pixels"),
        (thing(xmax="1e300"), r"one\.xml, object 1: xmax is 1e\+300, no number of pixels"),
        (thing(xmax="1"), r"one\.xml, object 1: the box is 0 x 5"),
        (thing(ymin="9"), r"one\.xml, object 1: the box is 5 x -1"),
        (thing(xmin="90", xmax="99"), r"one\.xml, object 1: the box lies outside"),
        (thing(extra="<difficult>2</difficult>"), r"object 1: difficult is '2', not 0 or 1"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_object(inside: str, said: str, voc: Voc) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_voc(voc(inside), "train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_every_encoding(encoding: str, voc: Voc) -> None:
    folder = voc(thing())
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'
    (folder / "Annotations/one.xml").write_bytes(bomb.encode(encoding))
    with pytest.raises(DataError, match="declares XML entities"):
        read_voc(folder, "train")


def test_names_may_hold_spaces_and_be_followed_by_a_mark(voc: Voc, images: Draw) -> None:
    folder = voc(thing())
    (folder / "Annotations/my cat.xml").write_text(f"<annotation>{thing()}</annotation>")
    images("VOC2007/JPEGImages/my cat.jpg")
    (folder / "ImageSets/Main/train.txt").write_bytes("\ufeffmy cat\r\none -1\r\n\r\n".encode())
    names = [image.path.name for image in read_voc(folder, "train").images]
    assert names == ["my cat.jpg", "one.jpg"]


@pytest.mark.parametrize("suffix", ["jpeg", "png", "JPG", "webp"])
def test_the_image_may_have_any_suffix(suffix: str, voc: Voc) -> None:
    part = read_voc(voc(thing(), suffix=suffix), "train")
    assert part.images[0].path.name == f"one.{suffix}"


def test_lists_that_lie_are_refused(voc: Voc) -> None:
    with pytest.raises(DataError, match=r"train\.txt: image one is listed twice"):
        read_voc(voc(thing(), lines="one\none\n"), "train")
    folder = voc(thing())
    for line, said in (("../one", "leaves the folder"), ("gone", r"gone\.xml is missing")):
        (folder / "ImageSets/Main/train.txt").write_text(line)
        with pytest.raises(DataError, match=said):
            read_voc(folder, "train")
    (folder / "ImageSets/Main/train.txt").write_text("\n")
    with pytest.raises(DataError, match="no images"):
        read_voc(folder, "train")


def test_a_missing_image_is_named_or_left_out(voc: Voc) -> None:
    folder = voc(thing(), lines="one\ntwo\n")
    (folder / "JPEGImages/one.jpg").unlink()
    with pytest.raises(DataError, match=r"image one\.jpg is not in .*JPEGImages"):
        read_voc(folder, "train")
    part = read_voc(folder, "train", Policies(on_bad_image="skip"))
    assert [image.path.name for image in part.images] == ["two.jpg"]


def test_xml_files_beside_their_images_need_no_lists(tmp_path: Path, images: Draw) -> None:
    images("train/a.jpg", "train/deep/b.png", "train/other name.jpg")
    for name in ("a", "deep/b", "c"):
        stated = "<filename>C:\\x\\other name.jpg</filename>" if name == "c" else ""
        text = f"<annotation>{stated}{thing()}</annotation>"
        (tmp_path / f"train/{name}.xml").write_text(text)
    (tmp_path / "train/._a.xml").write_text("resource fork")
    found = [image.path.name for image in read_voc_folder(tmp_path / "train").images]
    assert found == ["a.jpg", "other name.jpg", "b.png"]
