import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.item import Item
from zoo.data.manifest import read_manifest, write_manifest
from zoo.errors import DataError

Draw = Callable[..., Path]


@pytest.fixture
def folder(draw: Draw) -> Path:
    for name in ("x/d", *"abc"):
        path = draw(f"{name}.png")
    return path.parent


def read(
    folder: Path, text: str, name: str = "photos.csv", require_labels: bool = True
) -> list[Item]:
    (folder / name).write_text(text, encoding="utf-8")
    return read_manifest(folder / name, require_labels=require_labels)[0]


def test_every_column_is_read(folder: Path) -> None:
    text = (
        "path,label,label_level_2,split,caption,shop\n"
        'a.png,oak,tree,train,"an oak, in a field",north\nb.png,ash,tree,test,,south\n'
    )
    items = read(folder, text)
    extra = {"shop": "north"}
    oak = Item(folder / "a.png", ("oak", "tree"), "train", ("an oak, in a field",), extra)
    assert items == [oak, Item(folder / "b.png", ("ash", "tree"), "test", (), {"shop": "south"})]


def test_json_lines_say_the_same_as_csv(folder: Path) -> None:
    rows = [
        {"path": "a.png", "label": "oak", "captions": ["one", "two"]},
        {"path": "b.png", "label": 7},
    ]
    items = read(folder, "\n".join(map(json.dumps, rows)), "photos.jsonl")
    oak = Item(folder / "a.png", ("oak",), captions=("one", "two"))
    assert items == [oak, Item(folder / "b.png", ("7",))]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(folder: Path) -> None:
    items = read(folder, "\ufeffpath,label\r\na.png,oak\r\n")
    assert items == [Item(folder / "a.png", ("oak",))]


def test_a_row_of_a_cell_with_line_breaks_counts_once(folder: Path) -> None:
    text = 'path,label,caption\na.png,oak,"two\nlines"\nb.png,,x\n'
    with pytest.raises(DataError, match=r"photos\.csv row 3, column label: empty"):
        read(folder, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.png,oak\nb.png,\n", "photos.csv row 3, column label: empty"),
        ("path,label\n ,oak\n", "photos.csv row 2, column path: empty"),
        ("path,label\nz.png,oak\n", "row 2, column path: no such file: '.*z.png'"),
        ("path,label\na.png,oak\na.png,ash\n", "row 3, column path: 'a.png' is also in row 2"),
        ("path,label\n./a.png,oak\na.png,ash\n", "row 3, column path: 'a.png' is also in row 2"),
        ("path,label\na.png,oak\nx/../a.png,ash\n", "row 3, column path: 'a.png' is also in row 2"),
        ("path,label,split\na.png,oak,trian\n", "row 2, column split: 'trian' is no split"),
        ("path,label,split\na.png,oak,\nb.png,ash,test\n", "row 2, column split: empty"),
        ("path,label\na.png,oak,x\n", "row 2: 3 cells under 2 columns"),
        ("path,label\na.png\n", "row 2: 1 cells under 2 columns"),
        ('path,label\na.png,"oak\n', "photos.csv line 2: unexpected end of data"),
        ("path,label,label\na.png,oak,ash\n", "row 1: a column is named twice: path, label, label"),
        ("path,tag\na.png,oak\n", "no column label"),
        ("image,label\na.png,oak\n", "no column path"),
        ("path,label,label_level_3\na.png,oak,tree\n", "no column label_level_2"),
        ("path,label\n", "no image in this manifest"),
        ("", "no image in this manifest"),
    ],
)
def test_a_bad_csv_names_row_column_and_value(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(folder, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"path": "a.png", "label": "oak"}\n{"path": ', "photos.jsonl row 2: not JSON"),
        ("[1, 2]", "row 1: not an object"),
        ('{"path": "a.png", "label": null}', "row 1, column label: empty"),
        ('{"path": "a.png", "label": "oak"}\n{"path": "b.png"}', "row 2, column label: empty"),
        ('{"path": "a.png", "label": ["oak"]}', r"column label: \['oak'\] is not text"),
        ('{"path": "a.png", "label": "oak", "captions": [3.5]}', "column captions: 3.5 is not"),
        ("[" * 100_000, "row 1: not JSON"),
    ],
)
def test_a_bad_json_line_names_row_column_and_value(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(folder, text, "photos.jsonl")


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ({"label": " "}, "give every row a label"),
        ({"label": "oak", "captions": ["one", ""]}, "write a caption, or leave it out"),
        ({"label": "oak", "caption_2": " "}, "write a caption, or leave it out"),
    ],
)
def test_an_empty_value_is_told_whether_it_may_be_left_out(
    row: dict[str, object], hint: str, folder: Path
) -> None:
    with pytest.raises(DataError, match=": empty") as caught:
        read(folder, json.dumps({"path": "a.png", **row}), "photos.jsonl")
    assert caught.value.hint == hint


def test_a_manifest_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "photos.csv").write_bytes("path,label\na.png,chêne\n".encode("latin-1"))
    with pytest.raises(DataError, match="byte 19 is not UTF-8"):
        read_manifest(folder / "photos.csv")


def test_another_kind_of_file_is_no_manifest(folder: Path) -> None:
    with pytest.raises(DataError, match="not a manifest"):
        read(folder, "path label\n", "photos.txt")


def test_labels_may_be_absent_when_nothing_needs_them(folder: Path) -> None:
    assert read(folder, "path\na.png\n", require_labels=False) == [Item(folder / "a.png")]


def test_a_written_manifest_reads_back(folder: Path) -> None:
    items = [
        Item(folder / "a.png", ("oak", "tree"), "train", ("an oak, “old”\nand tall",)),
        Item(folder / "b.png", ("ash", "tree"), "test"),
    ]
    write_manifest(folder / "photos.csv", items, ("label", "label_level_2"))
    assert read_manifest(folder / "photos.csv") == (items, ("label", "label_level_2"))


def test_paths_written_on_windows_name_the_same_files(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "a.png").rename(folder / "below" / "a.png")
    (item,) = read(folder, "path,label\nbelow\\a.png,cat\n")
    assert item.path == folder / "below" / "a.png"


def test_a_drive_of_another_system_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="no such file") as caught:
        read(folder, "path,label\nC:\\photos\\a.png,cat\n")
    assert "C: is a drive of Windows" in caught.value.hint


def test_a_backslash_in_a_name_stays_one(folder: Path) -> None:
    (folder / "a.png").rename(folder / "b\\a.png")
    (item,) = read(folder, "path,label\nb\\a.png,cat\n")
    assert item.path.name == "b\\a.png"


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_table_without_commas_is_told_what_separates_it(mark: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(mark.join(("path", "label")) + "\n")
    with pytest.raises(DataError, match="its cells are separated by"):
        read_manifest(tmp_path / "m.csv")
