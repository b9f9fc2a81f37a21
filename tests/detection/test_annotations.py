import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.boxes.boxed import Policies
from zoo.data.synthetic.scenes import build_scenes
from zoo.detection.annotations import find_part
from zoo.detection.files import write_part
from zoo.errors import DataError


def coco(**changes: Any) -> dict[str, Any]:
    box = {"id": 0, "image_id": 0, "category_id": 7, "bbox": [1, 1, 4, 4.5], "area": 0, **changes}
    return {
        "images": [{"id": 0, "file_name": "a.jpg", "width": 8, "height": 8}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "house cat"}],
        "annotations": [box],
    }


def write_coco(folder: Path, value: object, name: str = "train") -> Path:
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / name).mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / name / "a.jpg")
    (folder / "annotations" / f"instances_{name}.json").write_text(json.dumps(value))
    return folder


def test_a_part_is_where_its_layout_has_it(tmp_path: Path) -> None:
    part = find_part(write_coco(tmp_path, coco()), "coco", "train")
    assert part.labels == ("cat", "house cat")
    assert [image.path for image in part.images] == [tmp_path / "train" / "a.jpg"]


def test_a_set_of_another_layout_is_found_by_the_split_that_is_meant(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / split / "a.jpg")
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(coco()))
    assert find_part(tmp_path, "coco", "train2017").source.parent.name == "train"
    assert find_part(tmp_path, "voc", "VOC2007/trainval").source.parent.name == "train"
    assert find_part(tmp_path, "voc", "VOC2007/test").source.parent.name == "valid"


@pytest.mark.parametrize(
    ("layout", "name", "missing"),
    [("coco", "train", r"instances_train\.json"), ("voc", "VOC2007/val", r"Main/val\.txt")],
)
def test_a_missing_part_is_named_with_the_layouts_that_are_read(
    layout: str, name: str, missing: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"{missing} is missing") as error:
        find_part(tmp_path, layout, name)
    assert "_annotations.coco.json" in error.value.hint


@pytest.mark.parametrize("change", [{"bbox": [1, 1, 0, 4]}, {"iscrowd": 1}])
def test_a_part_in_which_no_box_counts_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    folder = write_coco(tmp_path, coco(**change))
    with pytest.raises(DataError, match=r"instances_train\.json: no box in its 1 images"):
        find_part(folder, "coco", "train", Policies(bad_boxes="skip"))


def test_what_mmdetection_reads_counts_from_one_and_has_areas(tmp_path: Path) -> None:
    part = find_part(write_coco(tmp_path, coco()), "coco", "train")
    written = json.loads(write_part(part, tmp_path / "work" / "part.json").read_text())
    assert written["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "house cat"}]
    assert written["images"][0]["id"] == 1
    assert Path(written["images"][0]["file_name"]).is_absolute()
    assert written["annotations"] == [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "bbox": [1.0, 1.0, 4.0, 4.5],
            "area": 18.0,
        }
    ]


def test_generated_scenes_are_the_same_in_both_layouts(tmp_path: Path) -> None:
    scenes = build_scenes(tmp_path / "scenes", count=10, classes=2, size=64)
    coco_part = find_part(scenes.folder, "coco", "train")
    voc_part = find_part(scenes.folder, "voc", "VOC2007/train")
    assert coco_part.labels == scenes.classes
    assert coco_part.count == voc_part.count == 6
    names = {image.path.name: image for image in voc_part.relabelled(scenes.classes).images}
    for image in coco_part.images:
        same = names[image.path.name]
        assert image.edges.tolist() == same.edges.tolist()
        assert image.labels.tolist() == same.labels.tolist()
