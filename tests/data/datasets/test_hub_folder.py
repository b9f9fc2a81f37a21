import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zoo.data.images import open_image
from zoo.data.open import open_dataset
from zoo.errors import DataError, UsageError

Lay = Callable[..., Path]


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def shard(path: Path, columns: dict[str, list[Any]], names: list[str] | None = None) -> None:
    """A parquet file as the `datasets` library writes it: images as structs, names beside."""
    table = pa.table(columns)
    if names is not None:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        beside = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({b"huggingface": beside.encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def image(shade: int, name: str | None = None) -> dict[str, Any]:
    return {"bytes": png(shade), "path": name}


def test_parquet_shards_are_unpacked_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    train: dict[str, list[Any]] = {
        "image": [image(10, "x.png"), image(20)],
        "label": [1, 0],
        "text": ["one", "two"],
    }
    shard(data / "train-00000-of-00001.parquet", train, ["oak", "ash"])
    test: dict[str, list[Any]] = {"image": [image(30)], "label": [1], "text": ["three"]}
    shard(data / "validation-00000-of-00001.parquet", test, ["oak", "ash"])
    dataset = open_dataset(None, tmp_path)
    assert dataset.name == "hub_folder"
    found = [(item.labels, item.split, item.captions) for item in dataset.items]
    assert found == [
        (("ash",), "train", ("one",)),
        (("oak",), "train", ("two",)),
        (("ash",), "val", ("three",)),
    ]
    assert [np.asarray(open_image(path))[0, 0, 0] for path in dataset.paths] == [10, 20, 30]
    before = dataset.paths[0].stat().st_mtime_ns
    assert open_dataset(None, tmp_path) == dataset
    assert dataset.paths[0].stat().st_mtime_ns == before


def test_labels_without_names_stay_as_they_are(tmp_path: Path) -> None:
    shard(tmp_path / "a.parquet", {"img": [image(1)], "fine_label": [7], "coarse_label": [2]})
    assert open_dataset(None, tmp_path).items[0].labels == ("7", "2")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0]}, "row 1: no column holds image bytes"),
        ({"image": [image(1)], "label": [2]}, r"row 1, column label: 2 is not in 0…1"),
    ],
)
def test_a_strange_row_is_named(
    tmp_path: Path, columns: dict[str, list[Any]], message: str
) -> None:
    shard(tmp_path / "train.parquet", columns, ["oak", "ash"])
    with pytest.raises(DataError, match=rf"train\.parquet {message}"):
        open_dataset(None, tmp_path)
    assert not (tmp_path / "unpacked").exists()


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"train\.parquet: not a parquet file"):
        open_dataset(None, tmp_path)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard(tmp_path / "train.parquet", {"image": [image(1)], "label": [0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="need pyarrow") as error:
        open_dataset(None, tmp_path)
    assert "rankzoo[datasets]" in error.value.hint


def test_metadata_files_beside_the_images_are_read(lay: Lay) -> None:
    texts = {
        "train/metadata.csv": "file_name,label,text\na.png,oak,tall\n",
        "validation/metadata.jsonl": '{"file_name": "b.png", "label": "ash"}\n',
    }
    root = lay(texts, ["train/a.png", "validation/b.png"])
    found = [(i.path, i.labels, i.split, i.captions) for i in open_dataset(None, root).items]
    assert found == [
        (root / "train/a.png", ("oak",), "train", ("tall",)),
        (root / "validation/b.png", ("ash",), "val", ()),
    ]


def test_a_set_is_read_from_a_path_that_goes_up(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay({"train/metadata.csv": "file_name,label\na.png,oak\n"}, ["train/a.png"])
    monkeypatch.chdir(root / "train")
    assert len(open_dataset(None, Path(".."))) == 1
    (root / "train/metadata.csv").write_text("file_name,label\n../../b.png,oak\n")
    (root.parent / "b.png").write_bytes((root / "train/a.png").read_bytes())
    with pytest.raises(DataError, match="names an image outside"):
        open_dataset(None, root)


def test_metadata_files_must_agree_on_labels(lay: Lay) -> None:
    texts = {
        "train/metadata.csv": "file_name,label\na.png,oak\n",
        "test/metadata.csv": "file_name\nb.png\n",
    }
    with pytest.raises(DataError, match="not every metadata file has the same label columns"):
        open_dataset(None, lay(texts, ["train/a.png", "test/b.png"]))


def test_damage_behind_a_sound_footer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train-00000-of-00001.parquet"
    shard(path, {"image": [image(n) for n in range(3)], "label": [0, 1, 0]})
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56  # the first page's header; the footer stays
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_dataset("hub_folder", tmp_path)
