from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
NAMES = [
    "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg",
    "100.Brown_Pelican/Brown_Pelican_0122_94022.jpg",
    "101.White_Pelican/White_Pelican_0001_97076.jpg",
]
TEXTS = {
    "images.txt": "".join(f"{n} {name}\n" for n, name in enumerate(NAMES, start=1)),
    "image_class_labels.txt": "1 1\n2 100\n3 101\n",
    "train_test_split.txt": "1 0\n2 1\n3 1\n",
}
IMAGES = [f"images/{name}" for name in NAMES]


def test_the_first_hundred_species_train_whatever_the_classification_split(lay: Lay) -> None:
    dataset = open_dataset("cub", lay(TEXTS, IMAGES))
    assert [(item.labels[0], item.split) for item in dataset.items] == [
        ("001.Black_footed_Albatross", "train"),
        ("100.Brown_Pelican", "train"),
        ("101.White_Pelican", "test"),
    ]


def test_a_missing_list_and_a_strange_line_are_named(lay: Lay) -> None:
    root = lay({**TEXTS, "images.txt": "1 Pelican/a.jpg\n"}, IMAGES)
    with pytest.raises(DataError, match=r"images\.txt line 1: 'Pelican/a\.jpg'"):
        open_dataset("cub", root)
    (root / "images.txt").unlink()
    with pytest.raises(DataError, match=r"images\.txt: missing") as error:
        open_dataset("cub", root)
    assert "CUB_200_2011.tgz" in error.value.hint


def test_species_have_a_family_and_an_order(lay: Lay) -> None:
    dataset = open_dataset("cub", lay(TEXTS, IMAGES))
    assert dataset.levels == ("species", "family", "order")
    assert dataset.items[2].labels[1:] == ("Pelecanidae", "Pelecaniformes")


def test_a_species_beyond_the_two_hundred_is_named(lay: Lay) -> None:
    root = lay({**TEXTS, "images.txt": "1 201.Dodo/a.jpg\n"}, IMAGES)
    with pytest.raises(DataError, match="no species of 1 to 200"):
        open_dataset("cub", root)
