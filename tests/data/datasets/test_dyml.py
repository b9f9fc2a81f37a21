"""DyML on miniatures of its two layouts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError
from zoo.evaluation.queries import query_lists

Lay = Callable[..., Path]
TRAIN = "fname, fine_id0.jpg, middle_id, coarse_id\na.jpg, 4, 1, 0\nb.jpg, 4, 1, 0\n"
LIST = "fname, labels0.jpg\n"
TEXTS = {"train/label.csv": TRAIN}
IMAGES = ["train/imgs/a.jpg", "train/imgs/b.jpg"]
for _name in ("fine", "middle", "coarse"):
    TEXTS[f"bmk_{_name}/query.csv"] = f"{LIST}q.jpg, 7\n"
    TEXTS[f"bmk_{_name}/gallery.csv"] = f"{LIST}g.jpg, 7\nq.jpg, 7\nh.jpg, 8\n"
    IMAGES += [f"bmk_{_name}/gallery/{image}.jpg" for image in "gqh"]
    IMAGES.append(f"bmk_{_name}/query/q.jpg")


@pytest.mark.parametrize("name", ["dyml_vehicle", "dyml_animal"])
def test_three_levels_train_and_three_lists_test(lay: Lay, name: str) -> None:
    dataset = open_dataset(name, lay(TEXTS, IMAGES))
    assert dataset.levels == ("fine", "middle", "coarse")
    train = [item for item in dataset.items if item.split == "train"]
    assert [(item.path.name, item.labels) for item in train] == [
        ("a.jpg", ("4", "1", "0")),
        ("b.jpg", ("4", "1", "0")),
    ]
    fine = [item for item in dataset.items if item.extra.get("list") == "fine"]
    assert [item.path.name for item in fine if "query" in item.extra] == ["q.jpg"]
    assert sorted(item.path.name for item in fine) == ["g.jpg", "h.jpg", "q.jpg"]
    assert {item.labels[0] for item in fine} == {"fine 7", "fine 8"}


def test_each_list_is_searched_alone_and_the_querys_own_image_taken_out(lay: Lay) -> None:
    dataset = open_dataset("dyml_vehicle", lay(TEXTS, IMAGES))
    tasks = query_lists(dataset)
    assert [(len(task.queries), len(task.gallery)) for task in tasks] == [(1, 3)] * 3
    for task in tasks:
        assert task.itself
        assert set(task.queries.tolist()) <= set(task.gallery.tolist())
        assert len({dataset.items[place].extra["list"] for place in task.gallery}) == 1


def test_data_without_lists_is_refused(lay: Lay) -> None:
    dataset = open_dataset("dyml_vehicle", lay(TEXTS, IMAGES)).split("train")
    with pytest.raises(DataError, match="no image belongs to a query list"):
        query_lists(dataset)


def test_products_are_one_list_with_three_levels(lay: Lay) -> None:
    texts = {"train/label.csv": TRAIN, "mini-bmk_all_in_one/label.csv": TRAIN}
    images = [f"{part}/imgs/{n}.jpg" for part in ("train", "mini-bmk_all_in_one") for n in "ab"]
    dataset = open_dataset("dyml_product", lay(texts, images))
    assert [item.split for item in dataset.items] == ["train", "train", "test", "test"]
    assert dataset.items[3].labels == ("4", "1", "0")


def test_a_short_row_and_a_label_of_two_minds_are_named(lay: Lay) -> None:
    root = lay({**TEXTS, "train/label.csv": "fname, a, b, c\na.jpg, 4, 1\n"}, IMAGES)
    with pytest.raises(DataError, match=r"label\.csv row 2: 3 cells, not 4"):
        open_dataset("dyml_vehicle", root)
    (root / "train" / "label.csv").write_text(TRAIN)
    (root / "bmk_middle" / "query.csv").write_text(f"{LIST}q.jpg, 9\n")
    with pytest.raises(DataError, match="9 as a query and 7 in the gallery"):
        open_dataset("dyml_vehicle", root)
