"""A name longer than any file's is, wherever data states it, a file that is not there."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fuzz_parsers
from zoo.data.open import open_dataset
from zoo.data.packed import unpacked
from zoo.errors import DataError

LONG = "a" * 5000
PARSERS = {parser.name: parser for parser in fuzz_parsers.parsers()}


def rename_first(file: Path, old: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, LONG, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "file", "old"),
    [
        ("manifest csv", "data.csv", "0.png"),
        ("manifest jsonl", "data.jsonl", "0.png"),
        ("SOP lists", "Ebay_train.txt", "chair_final/0.png"),
        ("Karpathy captions", "dataset_x.json", "0.png"),
        ("COCO", "train/_annotations.coco.json", "0.png"),
        ("YOLO", "data.yaml", "images/train"),
        ("boxes jsonl", "metadata.jsonl", "0.png"),
    ],
)
def test_a_stated_image_of_a_long_name_is_missing(
    name: str, file: str, old: str, tmp_path: Path
) -> None:
    parser = PARSERS[name]
    parser.write(tmp_path)
    rename_first(tmp_path / file, old)
    with pytest.raises(DataError, match=r"aaaaa"):
        parser.read(tmp_path)


@pytest.mark.parametrize("ask", [lambda p: open_dataset(None, p), lambda p: open_dataset("sop", p)])
def test_a_long_name_that_is_typed_is_missing(
    ask: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="aaaaa"):
        ask(tmp_path / LONG)


def test_a_sample_of_a_long_name_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo(f"{LONG}.png")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"\x89PNG"))
    with pytest.raises(DataError, match=r"a\.tar: the sample 'aaaa"):
        unpacked(tmp_path / "a.tar", tmp_path / "out")
