import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.boxes.voc import read_voc
from zoo.data.datasets.voc import find_years, read_voc_labels
from zoo.data.images import open_image
from zoo.data.synthetic.scene_drawing import Scene, SceneObject, SceneStyle, background, draw_scene
from zoo.data.synthetic.scene_files import describe
from zoo.data.synthetic.scenes import (
    SceneSet,
    build_scenes,
    choose_classes,
    load_sprites,
    split_names,
)
from zoo.errors import UsageError

NAMES = ("cat_face", "lemon", "airplane")
PLAIN = SceneStyle(objects=(1, 1), rotation=0.0)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneSet:
    folder = tmp_path_factory.mktemp("made") / "scenes"
    return build_scenes(folder, count=20, classes=NAMES, size=96)


def square(side: int, colour: str) -> Image.Image:
    return Image.new("RGBA", (side, side), colour)


def scene(seed: int, style: SceneStyle, size: int = 64) -> Scene:
    sprites = {"red": [square(20, "#f00")], "blue": [square(20, "#00f")]}
    return draw_scene(np.random.default_rng(seed), sprites, size, style)


def thing(name: str, left: int, area: int) -> SceneObject:
    return SceneObject(name, (left, 0, left + 10, 10), area, 1.0, False, False)


def test_the_box_of_a_square_is_the_square() -> None:
    red = np.array([255, 0, 0])
    for seed in range(30):
        sprites = {"red": [square(20, "#f00")]}
        drawn = draw_scene(np.random.default_rng(seed), sprites, 64, PLAIN)
        rows, columns = np.nonzero((np.asarray(drawn.image) == red).all(-1))
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert drawn.objects[0].box == box
        assert drawn.objects[0].area == len(rows)
        assert drawn.objects[0].truncated == (drawn.objects[0].visible < 1)


def test_covered_pixels_belong_to_the_object_in_front() -> None:
    style = SceneStyle(objects=(6, 6), scale=(0.4, 0.6), rotation=0.0)
    hidden = 0
    for seed in range(20):
        drawn = scene(seed, style)
        pixels = np.asarray(drawn.image).reshape(-1, 3)
        for name, colour in (("red", [255, 0, 0]), ("blue", [0, 0, 255])):
            area = sum(seen.area for seen in drawn.objects if seen.name == name)
            assert area == (pixels == colour).all(-1).sum()
        hidden += sum(seen.difficult for seen in drawn.objects)
        assert all(seen.difficult == (seen.visible < 0.35) for seen in drawn.objects)
        assert 0 < drawn.coverage <= 1
    assert hidden > 10


def test_a_scene_depends_on_its_seed_alone() -> None:
    assert scene(3, SceneStyle()).objects == scene(3, SceneStyle()).objects
    assert scene(3, SceneStyle()).objects != scene(4, SceneStyle()).objects
    first, second = (background(np.random.default_rng(5), 32) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.std() > 3


def test_the_first_scenes_do_not_change_when_more_are_asked_for(
    scenes: SceneSet, tmp_path: Path
) -> None:
    more = build_scenes(tmp_path / "more", count=30, classes=NAMES, size=96)
    for name in ("000001", "000020"):
        image = f"{name}.jpg"
        assert (more.images / image).read_bytes() == (scenes.images / image).read_bytes()


def test_voc_files_read_back_as_boxes_and_labels(scenes: SceneSet) -> None:
    for split in ("train", "val", "test", "trainval"):
        boxed = read_voc(find_years(scenes.folder)[0], split)
        labels = read_voc_labels(scenes.folder, split)
        assert labels.classes == tuple(sorted(NAMES))
        for row, image in enumerate(boxed.images):
            assert image.path == labels.paths[row]
            assert (image.width, image.height) == open_image(image.path).size == (96, 96)
            names = [boxed.labels[number] for number in image.labels]
            clear = {name for name, hard in zip(names, image.ignored, strict=True) if not hard}
            unclear = set(names) - clear
            for column, name in enumerate(labels.classes):
                assert labels.present[row, column] == (name in clear)
                assert labels.difficult[row, column] == (name in unclear)


def test_coco_files_hold_the_same_boxes_as_voc(scenes: SceneSet) -> None:
    coco = json.loads(scenes.instances("test").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert sorted(names.values()) == sorted(NAMES)
    files = {image["id"]: image["file_name"] for image in coco["images"]}
    ours = sorted(
        (files[a["image_id"]], names[a["category_id"]], *map(float, a["bbox"]))
        for a in coco["annotations"]
    )
    voc = read_voc(find_years(scenes.folder)[0], "test")
    theirs = sorted(
        (image.path.name, voc.labels[number], left, top, right - left, bottom - top)
        for image in voc.images
        for number, (left, top, right, bottom) in zip(image.labels, image.edges, strict=True)
    )
    assert ours == theirs
    assert len({annotation["id"] for annotation in coco["annotations"]}) == len(ours)


def test_captions_are_the_same_in_coco_and_karpathy_files(scenes: SceneSet) -> None:
    coco = json.loads(scenes.captions("val").read_text())
    images = json.loads(scenes.karpathy.read_text())["images"]
    theirs = [s["raw"] for i in images if i["split"] == "val" for s in i["sentences"]]
    assert [annotation["caption"] for annotation in coco["annotations"]] == theirs
    assert all((scenes.folder / i["filepath"] / i["filename"]).is_file() for i in images)


def test_attributes_tell_how_much_of_each_image_is_covered(scenes: SceneSet) -> None:
    with scenes.attributes.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == ["train"] * 12 + ["val"] * 2 + ["test"] * 6
    assert all(0 < float(row["coverage"]) < 1 for row in rows)
    assert (scenes.folder / rows[0]["path"]).is_file()


def test_a_finished_folder_is_reused_and_another_one_refused(scenes: SceneSet) -> None:
    record = (scenes.folder / "scenes.json").stat().st_mtime_ns
    assert build_scenes(scenes.folder, count=20, classes=NAMES, size=96) == scenes
    assert (scenes.folder / "scenes.json").stat().st_mtime_ns == record
    with pytest.raises(UsageError, match="already exists"):
        build_scenes(scenes.folder, count=21, classes=NAMES, size=96)


def test_classes_are_chosen_by_number_or_by_name() -> None:
    assert len(choose_classes(20)) == 20
    assert choose_classes(["lemon", "cat_face"]) == ("cat_face", "lemon")
    with pytest.raises(UsageError, match="'catface' is no emoji name"):
        choose_classes(["catface"])
    with pytest.raises(UsageError, match="0 emoji classes"):
        choose_classes(0)


def test_every_class_has_a_sprite_of_each_artist() -> None:
    sprites = load_sprites(["cat_face", "waving_hand"], 32)
    assert {name: len(drawings) for name, drawings in sprites.items()} == {
        "cat_face": 2,
        "waving_hand": 12,  # six skin tones
    }


def test_splits_share_the_scenes_out() -> None:
    assert {split: len(names) for split, names in split_names(100).items()} == {
        "train": 60,
        "val": 10,
        "test": 30,
    }
    assert split_names(3)["train"][0] == "000001"


def test_captions_count_and_place() -> None:
    two = [thing("cat_face", 0, 50), thing("apple", 40, 90), thing("cat_face", 20, 10)]
    assert describe(two) == [
        "two cat faces and an apple",
        "an image of two cat faces and an apple",
        "an apple to the right of a cat face",
    ]
    assert describe([]) == ["an empty background"]
