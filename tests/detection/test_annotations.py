import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.synthetic.scenes import build_scenes
from zoo.detection.annotations import VOC_LABELS, find_part
from zoo.errors import DataError

Change = Callable[[dict[str, Any]], object]


def coco() -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [
            {
                "id": 5,
                "image_id": 1,
                "category_id": 7,
                "bbox": [1, 1, 4, 4.5],
                "area": 18,
                "iscrowd": 0,
            }
        ],
    }


def write_coco(folder: Path, value: object) -> Path:
    (folder / "annotations").mkdir(parents=True)
    (folder / "train").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "train" / "a.jpg")
    text = value if isinstance(value, str) else json.dumps(value)
    (folder / "annotations" / "instances_train.json").write_text(text)
    return folder


def voc_object(**changes: str) -> str:
    values = {"name": "cat", "xmin": "2", "ymin": "2", "xmax": "6", "ymax": "7", **changes}
    sides = "".join(f"<{s}>{values[s]}</{s}>" for s in ("xmin", "ymin", "xmax", "ymax"))
    return f"<object><name>{values['name']}</name><bndbox>{sides}</bndbox></object>"


def write_voc(folder: Path, inside: str, *, image: bool = True) -> Path:
    root = folder / "VOC2007"
    for name in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (root / name).mkdir(parents=True)
    (root / "ImageSets" / "Main" / "train.txt").write_text("000001\n")
    (root / "Annotations" / "000001.xml").write_text(f"<annotation>{inside}</annotation>")
    if image:
        Image.new("RGB", (8, 8)).save(root / "JPEGImages" / "000001.jpg")
    return folder


def test_a_sound_coco_part_gives_its_labels_in_the_files_order(tmp_path: Path) -> None:
    part = find_part(write_coco(tmp_path, coco()), "coco", "train")
    assert part.labels == ("cat", "dog")
    assert part.images == tmp_path / "train"
    assert part.count == 1


def annotation(**changes: Any) -> Change:
    return lambda value: value["annotations"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (annotation(image_id=9), "annotation 5: image_id 9 is no image"),
        (annotation(category_id=9), "annotation 5: category_id 9 is no category"),
        (annotation(bbox=[1, 1, -4, 4]), "annotation 5: the box is -4 x 4"),
        (annotation(bbox=[1, 1, 0, 4]), "annotation 5: the box is 0 x 4"),
        (annotation(bbox=[1, 1, 4]), r"annotation 5: bbox \[1, 1, 4\] is not"),
        (annotation(bbox=[1, 1, float("nan"), 4]), "annotation 5: bbox .* is not"),
        (lambda value: value["annotations"][0].pop("bbox"), "lacks 'bbox'"),
        (lambda value: value["annotations"][0].pop("area"), "lacks 'area'"),
        (lambda value: value["images"][0].pop("width"), "lacks 'width'"),
        (
            lambda value: value["images"].append(
                coco()["images"][0] | {"id": 2, "file_name": "b.jpg"}
            ),
            "image b.jpg is not in",
        ),
        (lambda value: value["images"].clear(), "image_id 1 is no image"),
        (lambda value: value.pop("categories"), "no list 'categories'"),
    ],
)
def test_broken_coco_is_one_line_with_the_place(change: Change, said: str, tmp_path: Path) -> None:
    value = coco()
    change(value)
    with pytest.raises(DataError, match=said) as caught:
        find_part(write_coco(tmp_path, value), "coco", "train")
    assert "instances_train.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_boxes_without_area_may_be_left_out(tmp_path: Path) -> None:
    value = coco()
    value["annotations"][0]["bbox"] = [1, 1, 0, 4]
    part = find_part(write_coco(tmp_path, value), "coco", "train", bad_boxes="skip")
    assert part.bad_boxes == 1


def test_text_that_is_no_json_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: Expecting"):
        find_part(write_coco(tmp_path, '{"images":\n oops}'), "coco", "train")
    with pytest.raises(DataError, match="not a JSON object"):
        find_part(write_coco(tmp_path / "other", "[]"), "coco", "train")


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="instances_train.json is missing"):
        find_part(tmp_path, "coco", "train")
    with pytest.raises(DataError, match="val.txt is missing"):
        find_part(write_voc(tmp_path, voc_object()), "voc", "VOC2007/val")


def test_voc_keeps_its_twenty_labels_and_others_their_own(tmp_path: Path) -> None:
    part = find_part(write_voc(tmp_path / "a", voc_object()), "voc", "VOC2007/train")
    assert part.labels == VOC_LABELS
    own = write_voc(tmp_path / "b", voc_object(name="yak") + voc_object(name="cat"))
    assert find_part(own, "voc", "VOC2007/train").labels == ("cat", "yak")


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<object>", "000001.xml line 1: mismatched tag"),
        (voc_object(name=" "), "000001.xml, object 1: no name"),
        (voc_object() + voc_object(xmax="here"), "000001.xml, object 2: no whole bndbox"),
        ("<object><name>cat</name></object>", "000001.xml, object 1: no whole bndbox"),
        (voc_object(xmax="1"), "000001.xml, object 1: the box is 0.0 x 6.0"),
        (voc_object(ymin="9"), "000001.xml, object 1: the box is 5.0 x -1.0"),
    ],
)
def test_broken_voc_is_one_line_with_the_place(inside: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said) as caught:
        find_part(write_voc(tmp_path, inside), "voc", "VOC2007/train")
    assert caught.value.code == 3


def test_missing_files_of_voc_are_named(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, voc_object(), image=False)
    with pytest.raises(DataError, match=r"no image .*000001.jpg"):
        find_part(folder, "voc", "VOC2007/train")
    Image.new("RGB", (8, 8)).save(folder / "VOC2007" / "JPEGImages" / "000001.jpg")
    (folder / "VOC2007" / "Annotations" / "000001.xml").unlink()
    with pytest.raises(DataError, match=r"000001.xml is missing"):
        find_part(folder, "voc", "VOC2007/train")


def test_generated_scenes_are_sound_in_both_layouts(tmp_path: Path) -> None:
    scenes = build_scenes(tmp_path / "scenes", count=10, classes=2, size=64)
    coco_part = find_part(scenes.folder, "coco", "train")
    voc_part = find_part(scenes.folder, "voc", "VOC2007/train")
    assert coco_part.labels == scenes.classes
    assert (coco_part.count, voc_part.count) == (6, 6)
