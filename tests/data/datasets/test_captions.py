import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]


def entry(name: str, split: str, *captions: str, **more: str) -> dict[str, Any]:
    sentences = [{"raw": f"{text} ", "tokens": text.split()} for text in captions]
    return {"filename": name, "split": split, "sentences": sentences, "imgid": 0, **more}


def listed(*entries: dict[str, Any]) -> str:
    return json.dumps({"images": entries, "dataset": "coco"})


def test_coco_images_lie_in_two_folders_and_restval_trains(lay: Lay) -> None:
    text = listed(
        entry("COCO_val2014_000000391895.jpg", "test", "a man", "a bike", filepath="val2014"),
        entry("COCO_val2014_000000060623.jpg", "restval", "a girl", filepath="val2014"),
        entry("COCO_train2014_000000579664.jpg", "train", "bananas", filepath="train2014"),
    )
    images = [f"{e.get('filepath')}/{e['filename']}" for e in json.loads(text)["images"]]
    dataset = open_dataset(None, lay({"dataset_coco.json": text}, images))
    assert dataset.name == "captions"
    assert [item.split for item in dataset.items] == ["test", "train", "train"]
    assert dataset.items[0].captions == ("a man", "a bike")
    assert dataset.items[0].labels == ("COCO_val2014_000000391895",)


def test_flickr_images_lie_in_their_own_folder(lay: Lay) -> None:
    text = listed(entry("1000092795.jpg", "train", "two young guys"))
    root = lay({"dataset_flickr30k.json": text}, ["flickr30k-images/1000092795.jpg"])
    assert open_dataset(None, root).paths == [root / "flickr30k-images/1000092795.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds no list of images"),
        (listed({"filename": "a.jpg", "split": "train"}), r"images\[0\]: 'sentences' is missing"),
        (listed(entry("a.jpg", "training", "x")), r"images\[0\]: 'training' is missing or odd"),
        (listed(entry("a.jpg", "train")), r"images\[0\]: no caption"),
        (listed(entry("../a.jpg", "train", "x")), r"images\[0\]: '../a.jpg' leaves the folder"),
    ],
)
def test_damaged_lists_are_named(lay: Lay, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"dataset_coco\.json: {message}"):
        open_dataset("captions", lay({"dataset_coco.json": text}, ["a.jpg"]))
