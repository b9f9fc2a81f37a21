from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
TEXTS = {
    "train_test_split/train_list.txt": "0000001 00001\n0000002 00001\n",
    "train_test_split/test_list_800.txt": "0000003 00007\n",
    "train_test_split/test_list_1600.txt": "0000003 00007\n0000004 00008\n",
}
IMAGES = [f"image/000000{n}.jpg" for n in (1, 2, 3, 4)]


def test_the_test_list_is_chosen_by_name(lay: Lay) -> None:
    root = lay(TEXTS, IMAGES)
    small, medium = open_dataset("vehicleid", root), open_dataset("vehicleid_medium", root)
    assert [item.labels[0] for item in small.split("train").items] == ["00001", "00001"]
    assert [item.labels[0] for item in small.split("test").items] == ["00007"]
    assert [item.labels[0] for item in medium.split("test").items] == ["00007", "00008"]
    with pytest.raises(DataError, match=r"test_list_2400\.txt: missing") as error:
        open_dataset("vehicleid_large", root)
    assert "on request" in error.value.hint
