"""Readers of the public sets as they are distributed, with a small sound set of each."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.data.datasets import (
    test_captions,
    test_cars,
    test_cub,
    test_dyml,
    test_fashion_mnist,
    test_hub_folder,
    test_inaturalist,
    test_inshop,
    test_lamem,
    test_landmarks,
    test_sfm120k,
    test_sop,
    test_vehicleid,
)
from tests.fuzz_parser import Parser
from zoo.data.datasets.fashion_mnist import read_idx
from zoo.data.datasets.lamem import read_lamem
from zoo.data.datasets.sfm120k import PAIRS
from zoo.data.datasets.videomem import VALUES, FrameOptions, read_videomem
from zoo.data.datasets.voc import CLASSES, read_voc_labels
from zoo.data.open import open_dataset
from zoo.evaluation.revisited import read_revisited


def lay(folder: Path, texts: Mapping[str, str], images: Sequence[str]) -> Path:
    """Write texts, and images of 8 x 8 pixels, below a folder."""
    for place, name in enumerate(images):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (8, 8), (40 * place, 90, 9))
        picture.save(folder / name, "PNG" if name.endswith("png") else "JPEG")
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write_shard(folder: Path) -> None:
    picture = test_hub_folder.image
    columns: dict[str, list[Any]] = {
        "image": [picture(0, "a.png"), picture(90)],
        "label": [0, 1],
        "text": ["a", "b"],
    }
    test_hub_folder.shard(folder / "train-0.parquet", columns, ["cat", "dog"])


def write_revisited(folder: Path) -> None:
    lay(folder, {}, [f"jpg/{name}.jpg" for name in "abq"])
    judged = {"bbx": [0.0, 0.0, 8.0, 8.0], "easy": np.array([0]), "hard": [1], "junk": []}
    truth = {"imlist": ["a", "b"], "qimlist": ["q"], "gnd": [judged]}
    (folder / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(truth, protocol=2))


def write_sfm(folder: Path) -> None:
    names = list(test_sfm120k.IMAGES)
    test_sfm120k.write(folder, names, list(test_sfm120k.IMAGES.values()))
    pairs = {"train": {"cids": []}, "val": {"cids": names[2:], "qidxs": [0]}}
    (folder / PAIRS).write_bytes(pickle.dumps(pairs))
    for name in names:
        path = folder / "ims" / name[-2:] / name[-4:-2] / name[-6:-4] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write_voc_lists(folder: Path) -> None:
    lists = {f"ImageSets/Main/{name}_train.txt": "one  1\ntwo -1\n" for name in CLASSES}
    lists["ImageSets/Main/train.txt"] = "one\ntwo\n"
    lay(folder / "VOC2007", lists, ["JPEGImages/one.jpg", "JPEGImages/two.jpg"])


def write_videomem(folder: Path) -> None:
    rows = "".join(f"v{n}.webm,0.{n}\n" for n in range(5))
    names = [f"sources/v{n}.webm" for n in range(5)]
    lay(folder, {"ground-truth_dev-set.csv": f"video,{VALUES[0]}\n{rows}"}, names)


def write_captions(folder: Path) -> None:
    entry = test_captions.entry("1.jpg", "train", "two young guys")
    text = test_captions.listed(entry, test_captions.entry("2.jpg", "test", "a", "b"))
    lay(folder, {"dataset_flickr30k.json": text}, [f"flickr30k-images/{n}.jpg" for n in (1, 2)])


def sets() -> list[Parser]:
    """The public sets as they are distributed."""
    texts: dict[str, tuple[Mapping[str, str], Sequence[str]]] = {
        "sop": (test_sop.TEXTS, test_sop.IMAGES),
        "cub": (test_cub.TEXTS, test_cub.IMAGES),
        "inshop": ({"list_eval_partition.txt": test_inshop.PARTITION}, test_inshop.IMAGES),
        "inat": (test_inaturalist.TEXTS, test_inaturalist.TRAIN + test_inaturalist.TEST),
        "vehicleid": (test_vehicleid.TEXTS, test_vehicleid.IMAGES),
        "gldv2_hier": (test_landmarks.TEXTS, test_landmarks.IMAGES),
        "dyml_vehicle": (test_dyml.TEXTS, test_dyml.IMAGES),
    }
    spoil = tuple(sorted({f"**/*{s}" for s in (".txt", ".csv", ".json")}))

    def opened(name: str) -> Callable[[Path], object]:
        return lambda folder: open_dataset(name, folder)

    def laid(name: str) -> Callable[[Path], object]:
        return lambda folder: lay(folder, *texts[name])

    write = {"captions": write_captions, "sfm120k": write_sfm, "hub_folder": write_shard}
    ends = {"captions": "*.json", "sfm120k": "*.*", "hub_folder": "*.parquet"}
    return [
        *(Parser(f"set {name}", spoil, laid(name), opened(name)) for name in texts),
        *(Parser(f"set {name}", (ends[name],), how, opened(name)) for name, how in write.items()),
        Parser(
            "set cars",
            ("*.mat",),
            lambda f: test_cars.whole(lambda texts, images: lay(f, texts, images)),
            opened("cars"),
        ),
        Parser(
            "set lamem",
            ("splits/train*",),
            lambda f: lay(f, test_lamem.TEXTS, test_lamem.IMAGES),
            lambda f: read_lamem(f, "train"),
        ),
        Parser(
            "set videomem",
            ("*.csv",),
            write_videomem,
            lambda f: read_videomem(f, ["train"], how=FrameOptions("skip", drawn=False)),
        ),
        Parser("set roxford", ("*.pkl",), write_revisited, lambda f: read_revisited(f, "roxford")),
        Parser("set voc", ("*/*/*/*",), write_voc_lists, lambda f: read_voc_labels(f, "train")),
        Parser(
            "set fashion-mnist",
            ("a.gz",),
            lambda f: (f / "a.gz").write_bytes(test_fashion_mnist.idx(np.zeros((2, 3, 3), "u1"))),
            lambda f: read_idx(f / "a.gz", 3),
        ),
    ]
