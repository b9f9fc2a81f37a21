"""Packed files are unpacked as WebDataset and Parquet mean them, or refused by name."""

import io
import json
import tarfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from zoo.data.packed import packs_in, unpacked
from zoo.errors import DataError


def image(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(held, "PNG")
    return held.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            facts = tarfile.TarInfo(name)
            facts.size = len(content)
            tar.addfile(facts, io.BytesIO(content))
    return path


def test_a_tar_is_samples_of_neighbours_with_one_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pack = write_tar(
        tmp_path / "a.tar",
        {
            "x/0.png": image("red"),
            "x/0.txt": b"a red square",
            "x/0.cls": b"3",
            "x/0.json": json.dumps({"url": "u", "width": 8, "nested": {}}).encode(),
            "x/1.json": json.dumps({"caption": "blue", "label": "4"}).encode(),
            "x/1.png": image("blue"),
            "x/1.npy": b"?",
        },
    )
    items, levels = unpacked(pack, tmp_path / "out")
    assert levels == ("label",)
    assert [(i.path.name, i.labels, i.captions, dict(i.extra)) for i in items] == [
        ("x_0.png", ("3",), ("a red square",), {"url": "u", "width": "8"}),
        ("x_1.png", ("4",), ("blue",), {}),
    ]
    assert Image.open(items[1].path).getpixel((0, 0)) == (0, 0, 255)
    assert "1 members *.npy are left out" in caplog.text


def test_parquet_holds_images_as_bytes_or_as_the_hub_does(tmp_path: Path) -> None:
    rows = [{"jpg": image("red"), "caption": "red", "key": "000", "width": 8}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    rows = [{"image": {"bytes": image("blue"), "path": "b.png"}, "label": 7}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "b.parquet")
    first, second = packs_in(tmp_path)
    (red,), levels = unpacked(first, tmp_path / "one")
    assert (red.captions, dict(red.extra), levels) == (("red",), {"key": "000", "width": "8"}, ())
    (blue,), levels = unpacked(second, tmp_path / "two")
    assert (blue.labels, levels) == (("7",), ("label",))


def test_parquet_names_what_it_leaves_out_and_keeps_dates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = {"day": date(2026, 11, 27), "price": Decimal("1.50"), "on": True, "vector": [1.0, 2.0]}
    rows = [{"jpg": image("red"), "caption": "red", **more}]
    parquet.write_table(pyarrow.Table.from_pylist(rows * 2), tmp_path / "a.parquet")
    items, _ = unpacked(tmp_path / "a.parquet", tmp_path / "one")
    kept = {"day": "2026-11-27", "price": "1.50", "on": "True"}
    assert [dict(item.extra) for item in items] == [kept, kept]
    (said,) = [r.getMessage() for r in caplog.records]
    assert said.endswith("a.parquet: left out, neither text nor numbers: vector")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "holds no image"),
        ({"0.txt": b"words"}, "the sample '0' has no image"),
        ({"0.png": b"i", "0.json": b"{"}, "0.json: not JSON"),
        ({"0.png": b"i", "0.json": b"[]"}, "0.json: not an object of keys and values"),
        ({"0.png": b"i", "0.txt": b"\xff"}, "not UTF-8"),
        ({"0.png": b"i", "0.cls": b"1", "1.png": b"i"}, "some images have a label"),
        ({"a/b.png": b"i", "a_b.png": b"i"}, "two samples are called 'a_b'"),
    ],
)
def test_a_bad_tar_is_refused_by_name(
    members: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    pack = write_tar(tmp_path / "bad.tar", members)
    with pytest.raises(DataError, match=message):
        unpacked(pack, tmp_path / "out")


def test_what_a_sample_does_not_say_is_no_label_and_what_is_left_out_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = {"label": None, "caption": None, "size": [1, 2], "year": 1999}
    members = {"0.png": image("red"), "0.json": json.dumps(known).encode()}
    ((item,), levels) = unpacked(write_tar(tmp_path / "a.tar", members), tmp_path / "out")
    assert (item.labels, item.captions, levels) == ((), (), ())
    assert dict(item.extra) == {"year": "1999"}
    assert "neither text nor numbers: size" in caplog.text


def test_a_cut_tar_is_refused_and_no_member_leaves_the_folder(tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "a.tar", {"../../0.png": image("red")})
    ((item,), _) = unpacked(whole, tmp_path / "deep" / "out")
    assert item.path.parent == tmp_path / "deep" / "out"
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:700])
    with pytest.raises(DataError, match="cut.tar"):
        unpacked(tmp_path / "cut.tar", tmp_path / "cut")
