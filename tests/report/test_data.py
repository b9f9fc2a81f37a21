"""The page of a data check names every fault that its numbers count."""

from pathlib import Path

import PIL.Image

from zoo.data.check import check_data
from zoo.report.data import SHOWN, data_page


def test_what_is_left_out_and_what_is_there_twice_is_listed_with_its_number(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for number in range(2):
            path = tmp_path / split / "mug" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.new("RGB", (9, 8), (90 * number, 9, 200 if split == "train" else 9)).save(
                path
            )
    sound = data_page(check_data(tmp_path))
    assert "Nothing is wrong" in sound
    assert "Left out" not in sound
    assert "Duplicates" not in sound
    (tmp_path / "test/mug/1.png").write_bytes((tmp_path / "train/mug/0.png").read_bytes())
    for number in range(SHOWN + 1):
        (tmp_path / "train/mug" / f"note{number:02}.png").write_bytes(b"")
    page = data_page(check_data(tmp_path))
    assert "Something is wrong" in page
    assert f"Left out: {SHOWN + 1}" in page
    assert "Duplicates: 1" in page
    assert [f"note{number:02}.png" in page for number in range(SHOWN + 1)] == [True] * SHOWN + [
        False
    ]


def test_images_without_labels_stand_in_a_row_that_says_so(tmp_path: Path) -> None:
    PIL.Image.new("RGB", (9, 8)).save(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text("path,caption\na.png,a mug\n")
    page = data_page(check_data(tmp_path / "list.csv"))
    assert "(no label)" in page
    PIL.Image.new("RGB", (9, 8)).save(tmp_path / "b.png")
    (tmp_path / "list.csv").write_text("path,label\na.png,mug\nb.png,pot\n")
    page = data_page(check_data(tmp_path / "list.csv"))
    assert "(no label)" not in page
