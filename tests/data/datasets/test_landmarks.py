from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
HIERARCHY = "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made\n"
TEXTS = {
    "train_clean.csv": (
        "landmark_id,images\n1,0123456789abcdef 0123456789abcdee\n17,ab00000000000000\n"
    ),
    "index_image_to_landmark.csv": "id,landmark_id\ncd00000000000000,7\nce00000000000000,8\n",
    "retrieval_solution_v2.1.csv": (
        "id,images,Usage\nef00000000000000,cd00000000000000,Public\n"
        "ff00000000000000,None,Ignored\nee00000000000000,ce00000000000000,Private\n"
    ),
    "train_label_to_hierarchical.csv": (
        f"{HIERARCHY}1,http://c,castle,castle / fort,human-made\n17,,,,\n"
    ),
    "index_label_to_hierarchical.csv": f"{HIERARCHY}7,http://l,lakes,lake,natural\n",
}
IMAGES = [
    "train/0/1/2/0123456789abcdef.jpg",
    "train/0/1/2/0123456789abcdee.jpg",
    "train/a/b/0/ab00000000000000.jpg",
    "index/c/d/0/cd00000000000000.jpg",
    "index/c/e/0/ce00000000000000.jpg",
    "test/e/f/0/ef00000000000000.jpg",
    "test/e/e/0/ee00000000000000.jpg",
]


def test_queries_take_the_landmark_of_their_gallery_images(lay: Lay) -> None:
    dataset = open_dataset("gldv2", lay(TEXTS, IMAGES))
    assert [item.labels[0] for item in dataset.split("train").items] == ["1", "1", "17"]
    assert [item.labels[0] for item in dataset.split("gallery").items] == ["7", "8"]
    queries = dataset.split("query").items  # the ignored one is gone
    assert [item.labels[0] for item in queries] == ["7", "8"]
    assert queries[0].extra["relevant"] == "cd00000000000000"


def test_the_hierarchy_adds_levels_and_drops_landmarks_outside_it(lay: Lay) -> None:
    dataset = open_dataset("gldv2_hier", lay(TEXTS, IMAGES))
    assert dataset.levels == ("landmark", "hierarchical_label", "natural_or_human_made")
    castle, lake = ("1", "castle / fort", "human-made"), ("7", "lake", "natural")
    assert [(i.labels, i.split) for i in dataset.items] == [
        (castle, "train"),
        (castle, "train"),
        (lake, "gallery"),
        (lake, "query"),
    ]


def test_a_part_may_be_absent_but_not_all(lay: Lay) -> None:
    root = lay({"train_clean.csv": TEXTS["train_clean.csv"]}, IMAGES)
    assert open_dataset(None, root).splits == {"train"}
    with pytest.raises(DataError, match=r"train_label_to_hierarchical\.csv: missing") as error:
        open_dataset("gldv2_hier", root)
    assert "google-landmark/metadata" in error.value.hint
    (root / "train_clean.csv").unlink()
    with pytest.raises(DataError, match=r"train_clean\.csv: missing"):
        open_dataset("gldv2", root)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train_clean.csv", "landmark,images\n", "row 1: no column landmark_id"),
        ("train_clean.csv", "landmark_id,images\n5\n", "row 2, column images: missing"),
        (
            "retrieval_solution_v2.1.csv",
            "id,images,Usage\nef,dd00000000000000,Public\n",
            "row 2, column images: dd00000000000000 is in no landmark",
        ),
    ],
)
def test_damaged_tables_are_named(lay: Lay, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=f"{name} {message}"):
        open_dataset("gldv2", lay({**TEXTS, name: text}, IMAGES))


def test_a_name_too_short_for_its_folders_is_named(lay: Lay) -> None:
    text = "landmark_id,images\n1,ab\n"
    with pytest.raises(DataError, match="'ab' of train is not the name of an image"):
        open_dataset("gldv2", lay({**TEXTS, "train_clean.csv": text}, IMAGES))
