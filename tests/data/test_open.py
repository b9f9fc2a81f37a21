from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from zoo.data.item import Item
from zoo.data.manifest import write_manifest
from zoo.data.open import DRAWN, open_dataset
from zoo.data.reader import absent
from zoo.data.readers import DATASETS, recognise
from zoo.errors import DataError, UsageError

Draw = Callable[..., Path]


def test_a_plain_folder_is_a_folder_of_classes(draw: Draw, tmp_path: Path) -> None:
    draw("oak/a.png")
    assert recognise(tmp_path) is None
    assert open_dataset(None, tmp_path).items == (Item(tmp_path / "oak/a.png", ("oak",)),)


def test_a_folder_with_a_manifest_is_read_by_it(draw: Draw, tmp_path: Path) -> None:
    items = (Item(draw("any/a.png"), ("oak", "tree")), Item(draw("any/b.png"), ("ash", "tree")))
    write_manifest(tmp_path / "manifest.csv", items, ("label", "label_level_2"))
    dataset = open_dataset(None, tmp_path)
    assert (dataset.items, dataset.name, dataset.root) == (items, tmp_path.name, tmp_path)


def test_the_folder_above_a_set_will_do(tmp_path: Path) -> None:
    header = "image_id class_id super_class_id path\n"
    root = tmp_path / "downloads" / "Stanford_Online_Products"
    (root / "bicycle_final").mkdir(parents=True)
    for split, name in (("train", "1.JPG"), ("test", "2.JPG")):
        (root / f"Ebay_{split}.txt").write_text(f"{header}1 1 1 bicycle_final/{name}\n")
        (root / "bicycle_final" / name).touch()
    assert open_dataset(None, root.parent).root == root
    assert open_dataset("sop", root.parent).name == "sop"


def test_a_set_opened_under_another_name_names_the_marker(draw: Draw, tmp_path: Path) -> None:
    draw("oak/a.png")
    for name, layout in DATASETS.items():
        with pytest.raises(DataError, match="missing") as error:
            open_dataset(name, tmp_path)
        assert error.value.hint == layout.source


@pytest.mark.parametrize("name", DRAWN)
def test_own_data_are_read_where_a_recipe_would_draw_its_own(
    name: str, draw: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = Item(draw("photos/oak/a.png"), ("oak",))
    (tmp_path / "own.csv").write_text("path,label\nphotos/oak/a.png,oak\n")
    with caplog.at_level("INFO", "rankzoo"):
        assert open_dataset(name, tmp_path / "photos").items == (own,)
        assert open_dataset(name, tmp_path / "own.csv").items == (own,)
    assert caplog.messages[0].startswith(f"{tmp_path / 'photos'} holds data of your own")
    with pytest.raises(DataError, match=r"onw\.csv: no such file"):
        open_dataset(name, tmp_path / "onw.csv")
    assert not (tmp_path / "onw.csv").exists()


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dataset is called 'sopp'") as error:
        open_dataset("sopp", tmp_path)
    assert "glyphs, fashion-mnist, sop, cub" in error.value.hint


def test_a_missing_place_tells_where_the_set_comes_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder") as error:
        open_dataset("cub", tmp_path / "gone")
    assert "CUB_200_2011.tgz" in error.value.hint


def test_lists_cannot_lead_outside_the_set(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.touch()
    header = "image_id class_id super_class_id path\n"
    root = tmp_path / "sop"
    root.mkdir()
    for name in ("../secret.jpg", str(secret)):
        (root / "Ebay_train.txt").write_text(f"{header}1 1 1 {name}\n")
        (root / "Ebay_test.txt").write_text(header)
        with pytest.raises(DataError, match="names an image outside"):
            open_dataset("sop", root)


def test_a_set_may_lie_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "image_id class_id super_class_id path\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1..JPG").touch()
    for split in ("train", "test"):
        (tmp_path / f"Ebay_{split}.txt").write_text(f"{header}1 1 1 a/1..JPG\n")
    monkeypatch.chdir(tmp_path)
    assert open_dataset(None, Path()).paths == [Path("a/1..JPG")] * 2


def test_missing_images_of_a_set_can_be_left_out(tmp_path: Path) -> None:
    header = "image_id class_id super_class_id path\n"
    (tmp_path / "Ebay_train.txt").write_text(f"{header}1 1 1 a/1.JPG\n2 1 1 a/2.JPG\n")
    (tmp_path / "Ebay_test.txt").write_text(header)
    with pytest.raises(DataError, match="not one of its 2 images is there"):
        open_dataset("sop", tmp_path, on_bad_image="skip")
    (tmp_path / "a").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "a/1.JPG", "JPEG")
    dataset = open_dataset("sop", tmp_path, on_bad_image="skip")
    assert [path.name for path in dataset.paths] == ["1.JPG"]
    assert [(Path(s.path).name, s.reason) for s in dataset.skipped] == [("2.JPG", "missing")]


def test_a_voc_folder_is_not_taken_for_classes(tmp_path: Path) -> None:
    (tmp_path / "VOC2007/ImageSets/Main").mkdir(parents=True)
    with pytest.raises(DataError, match="several labels") as error:
        open_dataset(None, tmp_path)
    assert "recipe" in error.value.hint


def test_absent_files_are_found_by_listing_folders(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    paths = [tmp_path / "here", tmp_path / "gone", tmp_path / "nowhere" / "gone"]
    assert absent(paths) == paths[1:]
