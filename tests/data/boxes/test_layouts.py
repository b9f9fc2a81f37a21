"""Every export of a labelling tool is found as it lies: layout, splits, classes, boxes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data.boxes.boxed import Policies
from zoo.data.boxes.layouts import find_parts, meant_split, read_split
from zoo.errors import DataError

Draw = Callable[..., None]
EDGES = [[2.0, 1.0, 12.0, 6.0]]  # in images of 20 x 10
XML = (
    "<annotation><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>12</xmax>"
    "<ymax>6</ymax></bndbox></object></annotation>"
)


def coco(*names: str) -> str:
    images = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    boxes = [{"image_id": n, "category_id": 0, "bbox": [2, 1, 10, 5]} for n in range(len(names))]
    kinds = [{"id": 0, "name": "cat"}]
    return json.dumps({"images": images, "annotations": boxes, "categories": kinds})


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


YOLO = "0 0.35 0.35 0.5 0.5\n"
ROW = {"objects": [{"label": "cat", "box": [2, 1, 12, 6]}]}
EXPORTS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "coco": (
        "coco",
        {
            "annotations/instances_train2017.json": coco("t.png"),
            "annotations/instances_val2017.json": coco("v.png"),
            "annotations/captions_train2017.json": '{"images": [], "annotations": []}',
        },
        ["train2017/t.png", "val2017/v.png"],
    ),
    "roboflow coco": (
        "coco",
        {
            "train/_annotations.coco.json": coco("t.png"),
            "valid/_annotations.coco.json": coco("v.png"),
            "README.roboflow.txt": "",
        },
        ["train/t.png", "valid/v.png"],
    ),
    "yolo": (
        "yolo",
        {
            "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['cat']\n",
            "train/labels/t.txt": YOLO,
            "valid/labels/v.txt": YOLO,
        },
        ["train/images/t.png", "valid/images/v.png"],
    ),
    "voc": (
        "voc",
        {
            "VOC2007/ImageSets/Main/train.txt": "t\n",
            "VOC2007/ImageSets/Main/val.txt": "v\n",
            "VOC2007/ImageSets/Main/trainval.txt": "t\nv\n",
            "VOC2007/Annotations/t.xml": XML,
            "VOC2007/Annotations/v.xml": XML,
        },
        ["VOC2007/JPEGImages/t.png", "VOC2007/JPEGImages/v.png"],
    ),
    "voc folder": (
        "voc",
        {"train/t.xml": XML, "valid/v.xml": XML},
        ["train/t.png", "valid/v.png"],
    ),
    "jsonl": (
        "jsonl",
        {
            "boxes.jsonl": json.dumps({"path": "t.png", "split": "train", **ROW})
            + "\n"
            + json.dumps({"path": "v.png", "split": "valid", **ROW})
        },
        ["t.png", "images/v.png"],
    ),
    "jsonl files": (
        "jsonl",
        {
            "train.jsonl": json.dumps({"path": "t.png", **ROW}),
            "val.jsonl": json.dumps({"path": "v.png", **ROW}),
        },
        ["t.png", "v.png"],
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_with_splits_is_found(name: str, tmp_path: Path, images: Draw) -> None:
    layout, files, pictured = EXPORTS[name]
    write(tmp_path, files)
    images(*pictured)
    parts = find_parts(tmp_path)
    assert sorted((part.layout, part.split) for part in parts) == [
        (layout, "train"),
        (layout, "val"),
    ]
    for split, image in (("train", "t.png"), ("val2017", "v.png"), ("test", "v.png")):
        part = read_split(tmp_path, split)
        assert [i.path.name for i in part.images] == [image]
        assert part.used == ("cat",)
        assert part.images[0].edges.tolist() == [pytest.approx(EDGES[0])]


NAMES = [f"{n}.png" for n in range(10)]
WHOLE: dict[str, tuple[dict[str, str], str]] = {
    "cvat coco": ({"annotations/instances_default.json": coco(*NAMES)}, "images/"),
    "label studio coco": ({"result.json": coco(*(rf"images\{n}" for n in NAMES))}, "images/"),
    "label studio yolo": (
        {"classes.txt": "cat\n", **{f"labels/{n[0]}.txt": YOLO for n in NAMES}},
        "images/",
    ),
    "cvat voc": (
        {
            "ImageSets/Main/default.txt": "".join(f"{n[0]}\n" for n in NAMES),
            **{f"Annotations/{n[0]}.xml": XML for n in NAMES},
        },
        "JPEGImages/",
    ),
    "labelimg": ({f"Annotations/{n[0]}.xml": XML for n in NAMES}, "JPEGImages/"),
    "xml beside images": ({f"{n[0]}.xml": XML for n in NAMES}, ""),
    "hub": (
        {
            "metadata.jsonl": "\n".join(
                json.dumps(
                    {
                        "file_name": n,
                        "objects": {"bbox": [[2, 1, 10, 5]], "categories": ["cat"]},
                    }
                )
                for n in NAMES
            )
        },
        "",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_export_without_splits_is_measured_on_a_fifth(
    name: str, tmp_path: Path, images: Draw
) -> None:
    files, folder = WHOLE[name]
    write(tmp_path, files)
    images(*(folder + image for image in NAMES))
    train, test = read_split(tmp_path, "train"), read_split(tmp_path, "val")
    assert (train.count, test.count) == (8, 2)
    together = {image.path.name for part in (train, test) for image in part.images}
    assert together == set(NAMES)
    again = [image.path for image in read_split(tmp_path, "test").images]
    assert again == [image.path for image in test.images]


def test_images_of_one_name_in_folders_of_one_name_all_take_part(
    tmp_path: Path, images: Draw
) -> None:
    names = [f"{camera}/day/{n}.png" for camera in ("left", "right") for n in range(10)]
    write(tmp_path, {"result.json": coco(*names)})
    images(*names)
    train, test = read_split(tmp_path, "train"), read_split(tmp_path, "val")
    assert (train.count, test.count) == (16, 4)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mine.json", coco("t.png")),
        ("mine.jsonl", json.dumps({"path": "t.png", **ROW})),
        ("mine.yaml", "names: [cat]\ntrain: .\n"),
        ("annotations/mine.json", coco("t.png")),
    ],
)
def test_a_single_file_is_enough(file: str, text: str, tmp_path: Path, images: Draw) -> None:
    write(tmp_path, {file: text, "t.txt": YOLO})
    images("t.png")
    assert all(part.read(Policies()).count == 1 for part in find_parts(tmp_path / file))
    assert [part.split for part in find_parts(tmp_path / file)] in (["train"], [""])


def test_a_split_that_is_not_there_is_listed(tmp_path: Path, images: Draw) -> None:
    write(tmp_path, {"val/_annotations.coco.json": coco("v.png")})
    images("val/v.png")
    with pytest.raises(DataError, match="no part 'train'") as error:
        read_split(tmp_path, "train")
    assert error.value.hint == "parts of this set: val"


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"train/a.json": coco(), "training/b.json": coco()})
    with pytest.raises(DataError, match=r"a\.json and b\.json are both the split train"):
        find_parts(tmp_path)


@pytest.mark.parametrize("files", [{}, {"a.json": "{}"}, {"a.jsonl": "{}"}, {"a.txt": "1"}])
def test_a_folder_without_boxes_has_no_parts(files: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, files)
    assert find_parts(tmp_path) == []
    with pytest.raises(DataError, match="no detection set") as error:
        read_split(tmp_path, "train")
    assert "YOLO (data.yaml)" in error.value.hint


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(("train2017", "train"), ("VOC2007/trainval", "train"), ("instances_val2017", "val")),
        *(
            ("test-dev", "test"),
            ("minival", ""),
            ("", ""),
            ("valid", "val"),
            ("VOC2012/test", "test"),
        ),
    ],
)
def test_the_first_word_of_a_split_in_a_name_tells_it(name: str, split: str) -> None:
    assert meant_split(name) == split
