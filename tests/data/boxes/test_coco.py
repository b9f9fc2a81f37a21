import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.coco import read_coco
from zoo.errors import DataError

Coco = dict[str, Any]
Change = Callable[[Coco], object]
Draw = Callable[..., None]
SKIP = Policies(bad_boxes="skip", on_bad_image="skip")


def read(folder: Path, value: object, policies: Policies = Policies()) -> BoxedSet:
    file = folder / "instances.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return read_coco(file, folder, [folder], policies)


@pytest.fixture(autouse=True)
def _drawn(images: Draw) -> None:
    images("a.png", "b.png")


def test_a_file_is_read_as_it_says(coco: Coco, tmp_path: Path) -> None:
    part = read(tmp_path, coco)
    assert part.labels == ("cat", "house cat")
    first, second = part.images
    assert first.path == tmp_path / "a.png"
    assert first.edges.tolist() == [[1, 2, 5, 7]]
    assert (first.labels.tolist(), first.areas.tolist(), first.ignored.tolist()) == (
        *([1], [12.0], [False]),
    )
    assert (second.labels.tolist(), second.areas.tolist(), second.ignored.tolist()) == (
        *([0], [200.0], [True]),
    )
    assert (part.boxes, part.used) == (1, ("cat", "house cat"))


@pytest.mark.parametrize("ids", [(0, 1), (1, 2), (7, 3), ("a", "b"), (-1, 10**12)])
def test_which_numbers_the_ids_are_changes_nothing(
    ids: tuple[int | str, int | str], coco: Coco, tmp_path: Path
) -> None:
    for image, annotation, number in zip(coco["images"], coco["annotations"], ids, strict=True):
        image["id"] = annotation["image_id"] = annotation["id"] = number
    part = read(tmp_path, coco)
    assert [image.edges.tolist() for image in part.images] == [[[1, 2, 5, 7]], [[0, 0, 20, 10]]]


@pytest.mark.parametrize("area", [0, None, "absent"])
def test_a_box_without_an_area_stated_has_its_own(area: object, coco: Coco, tmp_path: Path) -> None:
    coco["annotations"][0]["area"] = area
    if area == "absent":
        del coco["annotations"][0]["area"]
    assert read(tmp_path, coco).images[0].areas.tolist() == [20.0]


def set_(kind: str, place: int = 0, **values: Any) -> Change:
    return lambda value: value[kind][place].update(values)


def lacks(kind: str, key: str) -> Change:
    return lambda value: value[kind][0].pop(key)


def copies(kind: str, **values: Any) -> Change:
    return lambda value: value[kind].append({**value[kind][0], **values})


REFUSED: list[tuple[Change, str]] = [
    (set_("annotations", image_id=5), "annotation 0: image_id 5 is no image"),
    (set_("annotations", image_id="9"), "annotation 0: image_id '9' is no image"),
    (set_("annotations", image_id=None), "annotation 0: image_id is missing, not an id"),
    (set_("annotations", image_id=[9]), r"annotation 0: image_id is \[9\], not an id"),
    (set_("annotations", image_id=True), "annotation 0: image_id is True, not an id"),
    (set_("annotations", category_id=1), "annotation 0: category_id 1 is no category"),
    (lacks("annotations", "category_id"), "annotation 0: category_id is missing"),
    (lacks("annotations", "bbox"), "annotation 0: bbox missing is not"),
    (set_("annotations", bbox=[1, 1, 4]), r"annotation 0: bbox \[1, 1, 4\] is not"),
    (set_("annotations", bbox={"x": 1}), "annotation 0: bbox .* is not"),
    (set_("annotations", bbox=[1, 1, "4", 4]), "annotation 0: bbox .* is '4', not a number"),
    (set_("annotations", bbox=[1, 1, None, 4]), "annotation 0: bbox .* is None, not a number"),
    (set_("annotations", bbox=[1, 1, True, 4]), "annotation 0: bbox .* is True, not a number"),
    (set_("annotations", bbox=[1, 1, float("nan"), 4]), "annotation 0: bbox .* no number of"),
    (set_("annotations", bbox=[1, 1, float("inf"), 4]), "annotation 0: bbox .* no number of"),
    (set_("annotations", bbox=[1, 1, 1e300, 4]), "annotation 0: bbox .* no number of"),
    (set_("annotations", bbox=[1, 1, 0, 4]), "annotation 0: the box is 0 x 4"),
    (set_("annotations", bbox=[1, 1, -4, 4]), "annotation 0: the box is -4 x 4"),
    (set_("annotations", bbox=[30, 1, 4, 4]), "annotation 0: the box lies outside .* 20 x 10"),
    (set_("annotations", area="12"), "annotation 0: area is '12', not a number"),
    (set_("annotations", area=[12]), r"annotation 0: area is \[12\], not a number"),
    (set_("annotations", area=-1), "annotation 0: area is -1, less than nothing"),
    (set_("annotations", iscrowd=2), "annotation 0: iscrowd is 2, not 0 or 1"),
    (set_("annotations", iscrowd="no"), "annotation 0: iscrowd is 'no', not 0 or 1"),
    (copies("annotations"), "annotation 0: two annotations have this id"),
    (set_("annotations", id=[1]), r"annotation 0 of the list: id is \[1\], not an id"),
    (lambda v: v["annotations"].append(None), "annotation 2 of the list: missing is not an object"),
    (lambda v: v["annotations"].append("x"), "annotation 2 of the list: 'x' is not an object"),
    (copies("images"), "image 9: two have this id"),
    (copies("images", id=4), "image 4: image a.png is also that of .*image 9"),
    (set_("images", file_name=12), "image 9: file_name is 12, not the name of a file"),
    (set_("images", file_name=None), "image 9: file_name is None, not"),
    (set_("images", file_name=" "), "image 9: file_name is ' ', not"),
    (set_("images", file_name="c.png"), "image 9: image c.png is not in"),
    (lacks("images", "id"), "image 0 of the list: id is missing"),
    (lambda v: v.update(images=["a.png"]), "image 0 of the list: 'a.png' is not an object"),
    (lambda v: v.update(images={"9": {}}), "no list 'images'"),
    (lambda v: v.pop("annotations"), "no list 'annotations'"),
    (lambda v: v.update(categories=None), "no list 'categories'"),
    (lambda v: v["images"].clear(), "image_id 9 is no image"),
    (lambda v: (v["images"].clear(), v["annotations"].clear()), "no images"),
    (copies("categories"), "category 7: two have this id"),
    (set_("categories", name="house cat"), "two categories are called 'house cat'"),
    (set_("categories", name=" house cat "), "two categories are called 'house cat'"),
    (set_("categories", name=""), "category 7: name is '', not a name"),
    (set_("categories", name=None), "category 7: name is missing, not a name"),
    (set_("categories", name=["cat"]), "category 7: name is"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_is_wrong_is_one_line_with_file_and_entry(
    change: Change, said: str, coco: Coco, tmp_path: Path
) -> None:
    change(coco)
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path, coco)
    assert "instances.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "3", '{"images":', "[" * 100_000, "\x00"])
def test_a_file_of_another_kind_is_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="instances.json") as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_an_id_may_be_missing_where_nothing_points_to_it(coco: Coco, tmp_path: Path) -> None:
    for annotation in coco["annotations"]:
        annotation.pop("id", None)
    assert sum(len(image.labels) for image in read(tmp_path, coco).images) == 2


@pytest.mark.parametrize("stated", [0, None, "", "64", 64.5, -3, [1]])
def test_the_size_of_an_image_is_its_own(stated: object, coco: Coco, tmp_path: Path) -> None:
    coco["images"][0].update(width=stated, height=stated)
    image = read(tmp_path, coco).images[0]
    assert (image.width, image.height) == (20, 10)


def test_a_box_beyond_its_image_is_cut_and_that_is_said(
    coco: Coco, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    coco["annotations"][0]["bbox"] = [-5, 2, 40, 5]
    part = read(tmp_path, coco)
    assert part.images[0].edges.tolist() == [[0, 2, 20, 7]]
    assert "1 boxes reach beyond their image, and are cut to it" in caplog.text


def test_a_box_beyond_by_a_fraction_stays_as_written(coco: Coco, tmp_path: Path) -> None:
    coco["annotations"][0]["bbox"] = [-0.4, 2, 20.8, 5]
    assert read(tmp_path, coco).images[0].edges[0].tolist() == pytest.approx([-0.4, 2, 20.4, 7])


def test_boxes_drawn_before_the_exif_turn_are_refused(coco: Coco, tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png", exif=tags)  # upright it is 10 x 20
    coco["annotations"][0]["bbox"] = [1, 1, 18, 8]
    with pytest.raises(
        DataError, match="drawn on an image of 20 x 10, which EXIF turns to 10 x 20"
    ):
        read(tmp_path, coco)


def test_boxes_without_area_may_be_left_out_and_are_counted(coco: Coco, tmp_path: Path) -> None:
    coco["annotations"][0]["bbox"] = [1, 1, 0, 4]
    part = read(tmp_path, coco, SKIP)
    assert part.bad_boxes == 1
    assert part.images[0].edges.shape == (0, 4)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "thin"])
def test_an_image_that_cannot_be_opened_stops_or_is_left_out(
    damage: str, coco: Coco, tmp_path: Path, images: Draw
) -> None:
    path = tmp_path / "a.png"
    if damage == "missing":
        path.unlink()
    elif damage == "thin":
        images("a.png", size=(900, 2))
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(DataError, match=r"a\.png"):
        read(tmp_path, coco)
    part = read(tmp_path, coco, SKIP)
    assert [image.path.name for image in part.images] == ["b.png"]
    assert "a.png" in part.skipped[0].path


def test_a_set_of_bad_images_alone_is_refused_even_when_skipping(
    coco: Coco, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="no images: all 2 are bad, the first: .*a.png"):
        read(tmp_path, coco, SKIP)


def test_the_group_that_roboflow_writes_first_is_no_class(coco: Coco, tmp_path: Path) -> None:
    for category in coco["categories"]:
        category["supercategory"] = "pets"
    coco["categories"].insert(0, {"id": 0, "name": "pets", "supercategory": "none"})
    assert read(tmp_path, coco).labels == ("cat", "house cat")
    coco["annotations"][0]["category_id"] = 0
    assert read(tmp_path, coco).labels == ("pets", "cat", "house cat")


@pytest.mark.parametrize(
    "stated", [r"C:\data\deep\a.png", "/mnt/x/a.png", "../up/a.png", "images/a.png"]
)
def test_an_image_of_another_machine_is_found_by_its_name(
    stated: str, coco: Coco, tmp_path: Path, images: Draw
) -> None:
    coco["images"][0]["file_name"] = stated
    assert read(tmp_path, coco).images[0].path == tmp_path / "a.png"
    images("other/a.png")
    with pytest.raises(DataError, match=r"image 9: 2 images are called 'a\.png'"):
        read(tmp_path, coco)


def test_labels_are_moved_to_another_order_by_name(coco: Coco, tmp_path: Path) -> None:
    part = read(tmp_path, coco).relabelled(("dog", "house cat", "cat"))
    assert [image.labels.tolist() for image in part.images] == [[1], [2]]
    with pytest.raises(DataError, match="a box is labelled 'cat', which is not among the labels"):
        part.relabelled(("house cat", "dog"))
    coco["annotations"].pop()
    assert read(tmp_path, coco).relabelled(("house cat",)).images[0].labels.tolist() == [0]


@pytest.mark.parametrize("kind", ["annotations", "both"])
def test_a_set_with_nothing_to_learn_says_so(kind: str, coco: Coco, tmp_path: Path) -> None:
    coco["annotations"].clear()
    if kind == "both":
        coco["categories"].clear()
    with pytest.raises(DataError, match="no box in its 2 images" if kind != "both" else "no label"):
        read(tmp_path, coco).require_boxes()
