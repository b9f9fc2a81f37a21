import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
TRAIN = ["train_val2018/Aves/2761/a.jpg", "train_val2018/Aves/2761/b.jpg"]
TEST = ["train_val2018/Plantae/5/c.jpg"]
BIRD = {"genus": "Anas", "family": "Anatidae", "order": "Anseriformes", "class": "Aves"}
PLANT = {"genus": "Acer", "family": "Sapindaceae", "order": "Sapindales", "class": "Magnoliopsida"}
CATEGORIES = [
    {"id": 2761, "name": "A b", "supercategory": "Aves", "phylum": "Chordata", **BIRD},
    {"id": 5, "name": "C d", "supercategory": "Plantae", "phylum": "Tracheophyta", **PLANT},
]
TEXTS = {
    "train2018.json": json.dumps(
        {
            "categories": [
                {**c, "kingdom": k}
                for c, k in zip(CATEGORIES, ("Animalia", "Plantae"), strict=True)
            ]
        }
    ),
    "Inat_dataset_splits/Inaturalist_train_set1.txt": "\n".join(TRAIN) + "\n",
    "Inat_dataset_splits/Inaturalist_test_set1.txt": "\n".join(TEST) + "\n",
}


def test_seven_levels_from_species_to_kingdom(lay: Lay) -> None:
    dataset = open_dataset(None, lay(TEXTS, TRAIN + TEST))
    assert dataset.name == "inat"
    assert dataset.levels[0] == "species"
    assert dataset.levels[-1] == "kingdom"
    bird = ("2761", "Anas", "Anatidae", "Anseriformes", "Aves", "Chordata", "Animalia")
    assert [item.labels for item in dataset.split("train").items] == [bird, bird]
    assert dataset.split("test").items[0].labels[-1] == "Plantae"


def test_two_levels_need_no_taxonomy_file(lay: Lay) -> None:
    texts = {name: text for name, text in TEXTS.items() if name != "train2018.json"}
    dataset = open_dataset("inat_base", lay(texts, TRAIN + TEST))
    assert dataset.levels == ("species", "supercategory")
    assert dataset.items[-1].labels == ("5", "Plantae")
    with pytest.raises(DataError, match=r"train2018\.json: missing"):
        open_dataset("inat", dataset.root)


def test_missing_splits_point_to_where_they_come_from(lay: Lay) -> None:
    with pytest.raises(DataError, match=r"Inaturalist_train_set1\.txt: missing") as error:
        open_dataset("inat", lay({"train2018.json": TEXTS["train2018.json"]}, TRAIN))
    assert "Smooth_AP" in error.value.hint


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train2018.json", '{"categories": [{"id": 5}]}', "a category lacks 'genus'"),
        ("train2018.json", "[", "not JSON"),
        ("Inat_dataset_splits/Inaturalist_test_set1.txt", "a/b/77/c.jpg", "line 1: 'a/b/77/c"),
    ],
)
def test_damaged_files_are_named(lay: Lay, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=f"{Path(name).name}:? {message}"):
        open_dataset("inat", lay({**TEXTS, name: text}, TRAIN + TEST))
