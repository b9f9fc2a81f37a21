import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.check import check_data
from zoo.data.synthetic.scenes import build_scenes
from zoo.errors import DataError
from zoo.files import write_json
from zoo.report.data import data_page


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two splits of two classes of two different images each."""
    rng = np.random.default_rng(0)
    for split in ("train", "valid"):
        for label in ("mug", "tea pot"):
            folder = tmp_path / "shop" / split / label
            folder.mkdir(parents=True)
            for name in ("a.png", "b.png"):
                noise = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / name)
    return tmp_path / "shop"


def test_splits_classes_and_sizes_are_found(shop: Path) -> None:
    report = check_data(shop)
    assert [(s.split, s.images, s.classes, s.smallest) for s in report.splits] == [
        ("train", 4, 2, 2),
        ("val", 4, 2, 2),
    ]
    assert (report.layout, report.levels) == ("class folders", {"label": 2})
    assert report.sizes == {
        "shortest": 20,
        "longest": 30,
        "median_width": 30,
        "median_height": 20,
    }
    assert report.ok


@pytest.mark.parametrize("columns", ["path,label", "path"])
def test_a_manifest_is_called_one_by_its_name_and_in_its_folder(shop: Path, columns: str) -> None:
    row = "train/mug/a.png,mug" if "label" in columns else "train/mug/a.png"
    (shop / "manifest.csv").write_text(f"{columns}\n{row}\n")
    for path in (shop, shop / "manifest.csv"):
        assert check_data(path).layout == "manifest (.csv)"


def test_the_same_image_in_two_splits_is_a_fault_and_in_one_is_said(shop: Path) -> None:
    shutil.copy(shop / "train/mug/a.png", shop / "train/mug/c.png")
    (within,) = check_data(shop).duplicates
    assert (Path(within.first).name, within.across) == ("a.png", False)
    assert check_data(shop).ok
    shutil.copy(shop / "train/mug/a.png", shop / "valid/mug/d.png")
    (across,) = check_data(shop).duplicates
    assert [Path(path).name for path in across.others] == ["c.png", "d.png"]
    assert across.across
    assert not check_data(shop).ok


def test_label_levels_that_are_no_tree_are_reported(shop: Path) -> None:
    rows = ["train/mug/a.png,mug,red", "train/mug/b.png,mug,blue", "train/tea pot/a.png,pot,blue"]
    (shop / "manifest.csv").write_text("\n".join(["path,label,label_level_2", *rows]))
    report = check_data(shop)
    (found,) = report.crossings
    assert (found.count, found.name, found.parents) == (1, "mug", ("blue", "red"))
    assert report.as_json()["crossings"][0]["level"] == "label"
    assert "1 of label in several of label_level_2" in data_page(report)


def test_damaged_files_are_faults_and_other_files_are_only_listed(shop: Path) -> None:
    (shop / "train/notes.txt").write_text("")
    report = check_data(shop)
    assert [Path(one.path).name for one in report.left_out] == ["notes.txt"]
    assert report.ok
    (shop / "train/mug/a.png").write_bytes(b"")
    report = check_data(shop)
    assert [Path(one.path).name for one in report.left_out] == ["notes.txt", "a.png"]
    assert not report.ok


def test_boxes_are_counted_in_every_part(tmp_path: Path) -> None:
    scenes = build_scenes(tmp_path / "scenes", count=10, classes=2, size=64)
    report = check_data(scenes.folder)
    assert report.layout == "boxes (coco)"
    assert [(s.split, s.images) for s in report.splits] == [("train", 6), ("val", 1), ("test", 3)]
    assert all(split.boxes > 0 for split in report.splits)
    assert report.levels == {"label": 2}


def test_a_class_without_any_box_is_not_counted(tmp_path: Path) -> None:
    folder = build_scenes(tmp_path / "scenes", count=10, classes=2, size=64).folder
    for listed in folder.rglob("instances_*.json"):
        found = json.loads(listed.read_text())
        found["categories"].append({"id": 99, "name": "unicorn"})
        write_json(listed, found)
    report = check_data(folder)
    assert report.levels == {"label": 2}
    assert max(split.classes for split in report.splits) == 2


def test_captions_of_a_manifest_are_counted(shop: Path) -> None:
    lines = ["path,caption", "train/mug/a.png,a mug", "train/mug/b.png,"]
    (shop / "list.csv").write_text("\n".join(lines))
    (split,) = check_data(shop / "list.csv").splits
    assert (split.images, split.captions, split.classes) == (2, 1, 0)


def test_the_page_holds_the_facts_and_images_of_each_class(shop: Path) -> None:
    page = data_page(check_data(shop))
    assert page.count("<img ") == 8
    assert "tea pot" in page
    assert "Nothing is wrong" in page


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image in this folder"):
        check_data(tmp_path)
