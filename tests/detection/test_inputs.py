from pathlib import Path

import pytest
from PIL import Image

from zoo.detection.inputs import drawn_names, images_of, readable
from zoo.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "in/b.png", "in/.hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def names(found: list[Path]) -> list[str]:
    return [path.name for path in found]


def test_files_folders_and_patterns_are_images(folder: Path) -> None:
    assert names(images_of([folder])) == ["a.jpg", "b.png"]
    assert names(images_of([folder / "*.jpg"])) == ["a.jpg"]
    assert names(images_of([folder / "**" / "*.png"])) == ["b.png"]
    assert names(images_of([folder / "a.jpg", folder])) == ["a.jpg", "b.png"]
    assert names(images_of([folder / "gone.jpg"])) == ["gone.jpg"]  # named when it is opened


@pytest.mark.parametrize("argument", ["*.gif", "empty"])
def test_a_folder_or_pattern_without_images_is_named(argument: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="no image there"):
        images_of([folder / argument])


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "a[1].jpg")
    assert names(images_of([folder / "a[1].jpg"])) == ["a[1].jpg"]


def test_what_cannot_be_opened_is_listed(folder: Path) -> None:
    (folder / "c.jpg").write_bytes(b"")
    kept, skipped = readable([folder / "a.jpg", folder / "c.jpg"])
    assert names(kept) == ["a.jpg"]
    assert "c.jpg" in skipped[0].reason
    with pytest.raises(DataError, match="all 1 images are bad"):
        readable([folder / "c.jpg"])


def test_no_drawing_takes_anothers_place() -> None:
    assert drawn_names([Path("a/x.jpg"), Path("a/y.jpg")]) == ["x.png", "y.png"]
    doubled = [Path("a/x.jpg"), Path("a/x.png"), Path("b/x.jpg")]
    assert drawn_names(doubled) == ["a-x.jpg.png", "a-x.png.png", "b-x.jpg.png"]
