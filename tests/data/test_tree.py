import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.item import Skipped
from zoo.data.tree import images_below, list_folder, report_left_out
from zoo.errors import DataError

Draw = Callable[..., Path]


def below(folder: Path) -> tuple[list[str], dict[str, str]]:
    left_out: list[Skipped] = []
    found = [str(path.relative_to(folder)) for path in images_below(folder, left_out)]
    return found, {os.path.relpath(s.path, folder): s.reason for s in left_out}


def test_images_are_found_at_every_depth_in_order_and_the_rest_is_named(
    draw: Draw, tmp_path: Path
) -> None:
    for name in ("b.png", "a/z.PNG", "a/b/c.jpg"):
        draw(name)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "a/IMG_1.HEIC").write_text("")
    found, left_out = below(tmp_path)
    assert found == ["b.png", "a/z.PNG", "a/b/c.jpg"]
    assert left_out == {
        "notes.txt": ".txt: not an image's suffix",
        "a/IMG_1.HEIC": "HEIC is not read; save it as JPEG",
    }


@pytest.mark.parametrize("name", ["._a.png", ".thumbs/a.png", "__MACOSX/a.png", "c/@eaDir/a.png"])
def test_what_a_system_hides_is_no_image_of_anybody(name: str, draw: Draw, tmp_path: Path) -> None:
    draw(name)
    found, left_out = below(tmp_path)
    assert found == []
    assert set(left_out.values()) == {"hidden, or a system's own"}


def test_a_pipe_named_png_is_left_out_and_never_opened(draw: Draw, tmp_path: Path) -> None:
    draw("a.png")
    os.mkfifo(tmp_path / "b.png")
    assert below(tmp_path) == (["a.png"], {"b.png": "a pipe, device or socket"})


def test_links_in_a_circle_end(draw: Draw, tmp_path: Path) -> None:
    draw("c/a.png")
    (tmp_path / "c/up").symlink_to(tmp_path)
    (tmp_path / "c/self.png").symlink_to(tmp_path / "c/self.png")
    (tmp_path / "c/gone.png").symlink_to(tmp_path / "nowhere.png")
    found, left_out = below(tmp_path)
    assert found == ["c/a.png"]
    assert left_out["c/up"] == "a link to a folder above it"
    assert left_out["c/self.png"].startswith("cannot be looked at")
    assert left_out["c/gone.png"].startswith("cannot be looked at")


def test_two_folders_that_link_to_each_other_end(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/2.png")
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to_a").symlink_to(tmp_path / "a")
    found, left_out = below(tmp_path)
    assert found == ["a/1.png", "a/to_b/2.png", "b/2.png", "b/to_a/1.png"]
    assert left_out == dict.fromkeys(("a/to_b/to_a", "b/to_a/to_b"), "a link to a folder above it")


def test_a_link_to_an_image_or_a_folder_elsewhere_is_followed(draw: Draw, tmp_path: Path) -> None:
    draw("store/a.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/b.png").symlink_to(tmp_path / "store/a.png")
    (tmp_path / "set/more").symlink_to(tmp_path / "store")
    assert below(tmp_path / "set")[0] == ["b.png", "more/a.png"]


def test_a_file_in_place_of_a_folder_is_named(draw: Draw) -> None:
    with pytest.raises(DataError, match=r"a\.png: cannot be listed"):
        list_folder(draw("a.png"))


def test_files_left_out_are_counted_by_reason_and_three_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left_out = [Skipped(f"{n}.txt", "text") for n in range(5)] + [Skipped("a.heic", "HEIC")]
    with caplog.at_level(logging.INFO, "rankzoo"):
        report_left_out(left_out)
    assert caplog.messages == [
        "left out (text): 0.txt, 1.txt, 2.txt, and 2 more",
        "left out (HEIC): a.heic",
    ]
