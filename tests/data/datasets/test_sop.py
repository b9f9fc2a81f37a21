from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
HEADER = "image_id class_id super_class_id path\n"
TEXTS = {
    "Ebay_train.txt": f"{HEADER}1 1 1 bicycle_final/11_0.JPG\n2 1 1 bicycle_final/11_1.JPG\n",
    "Ebay_test.txt": (
        f"{HEADER}3 11319 1 bicycle_final/12_0.JPG\n4 11320 2 cabinet_final/13_0.JPG\n"
    ),
}
IMAGES = [f"bicycle_final/{n}.JPG" for n in ("11_0", "11_1", "12_0")] + ["cabinet_final/13_0.JPG"]


def test_products_and_super_classes_are_read(lay: Lay) -> None:
    dataset = open_dataset("sop", lay(TEXTS, IMAGES))
    assert dataset.levels == ("product", "super_class")
    assert [(item.labels, item.split) for item in dataset.items] == [
        (("1", "bicycle"), "train"),
        (("1", "bicycle"), "train"),
        (("11319", "bicycle"), "test"),
        (("11320", "cabinet"), "test"),
    ]
    assert all(path.is_file() for path in dataset.paths)


def test_missing_files_are_named_with_their_source(lay: Lay) -> None:
    root = lay(TEXTS, IMAGES[:-1])
    with pytest.raises(DataError, match=r"cabinet_final/13_0\.JPG: missing") as error:
        open_dataset("sop", root)
    assert "Stanford_Online_Products.zip" in error.value.hint
    (root / "Ebay_test.txt").unlink()
    with pytest.raises(DataError, match=r"Ebay_test\.txt: missing"):
        open_dataset("sop", root)


def test_a_line_of_another_shape_is_named(lay: Lay) -> None:
    root = lay({**TEXTS, "Ebay_train.txt": f"{HEADER}1 1 bicycle_final/11_0.JPG\n"}, IMAGES)
    with pytest.raises(DataError, match=r"Ebay_train\.txt line 2: '1 1 bicycle"):
        open_dataset("sop", root)
