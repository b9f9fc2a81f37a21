from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
IMAGES = [
    "img/WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg",
    "img/WOMEN/Blouses_Shirts/id_00000003/02_3_back.jpg",
    "img/MEN/Denim/id_00000003/01_1_front.jpg",
]
PARTITION = """3
image_name item_id evaluation_status
img/WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg            id_00000001 train
img/WOMEN/Blouses_Shirts/id_00000003/02_3_back.jpg             id_00000003 query
img/MEN/Denim/id_00000003/01_1_front.jpg                       id_00000003 gallery
"""


@pytest.mark.parametrize(
    ("place", "images"), [("", ""), ("Eval/", "Img/")], ids=["one folder", "as unpacked"]
)
def test_the_partition_gives_query_and_gallery(lay: Lay, place: str, images: str) -> None:
    texts = {f"{place}list_eval_partition.txt": PARTITION}
    dataset = open_dataset(None, lay(texts, [f"{images}{name}" for name in IMAGES]))
    assert dataset.name == "inshop"
    assert dataset.levels == ("garment", "category", "department")
    assert [(item.labels, item.split) for item in dataset.items] == [
        (("id_00000001", "WOMEN/Blouses_Shirts", "WOMEN"), "train"),
        (("id_00000003", "WOMEN/Blouses_Shirts", "WOMEN"), "query"),
        (("id_00000003", "MEN/Denim", "MEN"), "gallery"),
    ]


@pytest.mark.parametrize(
    ("partition", "message"),
    [
        (PARTITION.replace("3\n", "4\n", 1), "promises 4 images and lists 3"),
        (PARTITION.replace(" query", " test"), "line 4: .* test is out of place"),
        (PARTITION.replace(" query", ""), "line 4: .* is not `image_name item_id"),
    ],
)
def test_a_damaged_partition_is_named(lay: Lay, partition: str, message: str) -> None:
    root = lay({"list_eval_partition.txt": partition}, IMAGES)
    with pytest.raises(DataError, match=f"list_eval_partition.txt:? {message}"):
        open_dataset("inshop", root)
