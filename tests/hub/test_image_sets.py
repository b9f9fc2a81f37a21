"""Data of the Hub by name, through the real `datasets` and a Hub of this machine."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.train import with_data
from tests.hub.trees import NAME, parquet, png, put, trees
from zoo.data.dataset import ImageDataset, read_dataset
from zoo.data.images import open_image
from zoo.errors import DataError, UnavailableError, UsageError
from zoo.files import sha256_of
from zoo.hub.image_sets import bring, parse
from zoo.progress import silent
from zoo.runs.options import TrainOptions

pytest.importorskip("datasets")


def brought(word: str) -> ImageDataset:
    return read_dataset(bring(Path(word)).path, require_labels=False)


def test_a_set_comes_with_its_splits_labels_captions_and_pixels(data_hub: Any) -> None:
    put(
        data_hub,
        train=trees(10, text=["an oak", "an ash"]),
        validation=trees(100, labels=(1,), text=["a tall ash"]),
    )
    found = brought("hf:me/trees")
    told = [(item.split, item.labels, item.captions) for item in found.items]
    assert told == [
        ("train", ("oak",), ("an oak",)),
        ("train", ("ash",), ("an ash",)),
        ("val", ("ash",), ("a tall ash",)),
    ]
    assert [np.asarray(open_image(path))[0, 0, 0] for path in found.paths] == [10, 20, 100]


def test_the_commit_of_the_first_download_stays_and_is_told(data_hub: Any) -> None:
    first = put(data_hub, train=trees(10))
    before = bring(Path("hf:me/trees"))
    assert before.name == f"hf:me/trees@{first}"
    second = put(data_hub, train=trees(90))
    data_hub.requests.clear()
    assert bring(Path("hf:me/trees")) == before
    assert data_hub.requests == []  # neither asked for nor brought again
    other = bring(Path(f"hf:me/trees@{second}"))
    assert other.path != before.path
    assert sha256_of(read_dataset(other.path).paths[0]) != sha256_of(
        read_dataset(before.path).paths[0]
    )
    assert bring(Path(before.name), offline=True).path.is_dir()


def test_a_single_split_is_none_and_rows_bound_what_is_brought(data_hub: Any) -> None:
    put(data_hub, train=trees(labels=(0, 1, 0, 1)))
    found = brought("hf:me/trees?rows=3")
    assert [item.split for item in found.items] == ["", "", ""]
    assert [item.labels for item in found.items] == [("oak",), ("ash",), ("oak",)]


def test_splits_are_asked_for_or_told_when_they_are_left_out(
    data_hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    put(data_hub, train=trees(), test=trees(50), extra=trees(90))
    assert {item.split for item in brought("hf:me/trees").items} == {"train", "test"}
    assert "left out split extra" in caplog.text
    assert [
        np.asarray(open_image(p))[0, 0, 0] for p in brought("hf:me/trees?split=extra").paths
    ] == [
        90,
        100,
    ]


def test_columns_are_asked_for_where_two_could_be_meant(data_hub: Any) -> None:
    images = [{"bytes": png(10), "path": None}, {"bytes": png(20), "path": None}]
    others = [{"bytes": png(110), "path": None}, {"bytes": png(120), "path": None}]
    columns: dict[str, list[Any]] = {
        "front": images,
        "back": others,
        "kind": ["a", "b"],
        "said": ["one", "two"],
    }
    text = {"_type": "Value", "dtype": "string"}
    image = {"_type": "Image"}
    body = parquet(columns, {"front": image, "back": image, "kind": text, "said": text})
    put(data_hub, train=body)
    with pytest.raises(UsageError, match="2 columns may hold the image") as caught:
        bring(Path("hf:me/trees"))
    assert "front, back" in str(caught.value.hint)
    found = brought("hf:me/trees?image=back&label=kind&caption=said")
    assert [np.asarray(open_image(path))[0, 0, 0] for path in found.paths] == [110, 120]
    assert [(i.labels, i.captions) for i in found.items] == [(("a",), ("one",)), (("b",), ("two",))]


def test_a_folder_of_image_files_is_brought_too(data_hub: Any) -> None:
    files = {f"train/{name}/{n}.png": png(n) for n, name in enumerate(("oak", "ash", "oak"))}
    data_hub.add(NAME, files)
    found = brought("hf:me/trees")
    assert sorted((item.labels[0], sha256_of(item.path)) for item in found.items) == sorted(
        (name.split("/")[1], sha256_of_bytes(body)) for name, body in files.items()
    )


def sha256_of_bytes(body: bytes) -> str:
    from hashlib import sha256

    return sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("word", "error", "said"),
    [
        ("hf:trees", UsageError, "no name of a set"),
        ("hf:me/trees?color=x", UsageError, "not understood"),
        ("hf:me/trees?rows=many", UsageError, "not understood"),
        ("hf:me/trees?split", UsageError, "not understood"),
        ("hf:me/trees?split=none", UsageError, "no split none"),
        ("hf:me/trees?label=kind", UsageError, "no column kind"),
        ("hf:me/trees?config=odd", UsageError, "odd"),
        ("hf:me/nothing", UnavailableError, "no such repository"),
        ("hf:me/trees@nowhere", UnavailableError, "no such revision"),
    ],
)
def test_what_cannot_be_brought_is_told(
    word: str, error: type[Exception], said: str, data_hub: Any
) -> None:
    put(data_hub, train=trees())
    with pytest.raises(error, match=said):
        bring(Path(word))


def test_a_row_without_its_label_is_named_and_nothing_is_kept(data_hub: Any, caches: Path) -> None:
    put(data_hub, train=trees(labels=(0, None)))
    with pytest.raises(DataError, match="lacks a label"):
        bring(Path("hf:me/trees"))
    assert not [path for path in (caches / "rankzoo" / "sets").iterdir() if path.is_dir()]


def test_offline_nothing_is_asked(data_hub: Any) -> None:
    with pytest.raises(UnavailableError, match="not in the cache"):
        bring(Path("hf:me/trees"), offline=True)
    assert data_hub.requests == []


def test_other_words_are_paths() -> None:
    assert bring(Path("photos")).path == Path("photos")
    assert parse("hf:a/b@v1?split=train").split == "train"


def test_train_reads_the_folder_and_names_the_commit(data_hub: Any, tmp_path: Path) -> None:
    commit = put(data_hub, train=trees())
    line = "rankzoo train --model m --data hf:me/trees --out run"
    options = TrainOptions(tmp_path / "run", Path("hf:me/trees"), command=line)
    found = with_data(options, silent)
    assert found.command == f"rankzoo train --model m --data hf:me/trees@{commit} --out run"
    assert found.data == bring(Path("hf:me/trees")).path
