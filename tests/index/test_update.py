"""Building from images and adding to them: only new content is embedded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.dataset import ImageDataset, read_dataset
from zoo.errors import DataError, UsageError
from zoo.index import Index, Update

Model = Callable[..., Any]


def images(photos: Path) -> ImageDataset:
    return read_dataset(photos, require_labels=False)


def test_a_image_finds_itself_then_its_own_colour(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, images(photos))
    hits = index.search(model.embed_images([photos / "green" / "2.png"]), 4)[0]
    assert hits[0].path == photos / "green" / "2.png"
    assert [hit.label for hit in hits] == ["green"] * 4
    assert index.info()["root"] == str(photos)


def test_adding_embeds_only_content_never_seen(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, images(photos))
    model.looked_at = 0
    assert index.add(model, images(photos)) == Update(kept=12)
    Image.new("RGB", (8, 8), (90, 200, 90)).save(photos / "green" / "new.png")
    shutil.copy(photos / "green" / "0.png", photos / "green" / "copy.png")
    assert index.add(model, images(photos)) == Update(added=2, kept=12, embedded=1)
    assert model.looked_at == 1
    assert len(index) == 14


def test_a_file_is_one_item_by_whatever_path_it_is_reached(
    tmp_path: Path, photos: Path, colour_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, around = colour_model(), photos / "red" / ".." / "blue" / ".."
    index = Index.build(tmp_path / "idx", model, images(around))
    assert index.info()["root"] == str(photos)
    assert index.add(model, images(photos)) == Update(kept=12)
    monkeypatch.chdir(photos / "red")
    assert index.add(model, images(Path(".."))) == Update(kept=12)
    listed = photos / "green" / "list.csv"
    listed.write_text("path,label\n../red/0.png,red\n", encoding="utf-8")
    assert index.add(model, images(listed)) == Update(kept=1)
    assert index.remove(paths=[str(around / "red" / "0.png")]) == 1
    index.relocate(around)
    assert index.info()["root"] == str(photos)


def test_a_changed_file_replaces_its_past(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, images(photos))
    Image.new("RGB", (8, 8), (0, 0, 250)).save(photos / "red" / "0.png")
    assert index.add(model, images(photos)) == Update(changed=1, kept=11, embedded=1)
    hits = index.search(model.embed_images([photos / "red" / "0.png"]), 20)[0]
    assert len(hits) == 12
    assert hits[0].path == photos / "red" / "0.png"


def test_a_moved_image_keeps_its_vector_and_gets_its_new_label(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, images(photos))
    model.looked_at = 0
    (photos / "pale").mkdir()
    (photos / "red" / "0.png").rename(photos / "pale" / "0.png")
    index.remove(paths=[str(photos / "red" / "0.png")])
    assert index.add(model, images(photos)) == Update(added=1, kept=11)
    assert model.looked_at == 0
    assert index.search(model.embed_images([photos / "pale" / "0.png"]), 1)[0][0].label == "pale"


def test_the_same_image_twice_is_embedded_once(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    for number in range(5):
        shutil.copy(photos / "red" / "0.png", photos / "red" / f"copy{number}.png")
    model = colour_model()
    assert len(Index.build(tmp_path / "idx", model, images(photos))) == 17
    assert model.looked_at == 12


def test_another_model_is_refused_before_it_embeds_anything(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    index = Index.build(tmp_path / "idx", colour_model(), images(photos))
    other = colour_model(gain=2.0)
    with pytest.raises(UsageError, match="other weights"):
        index.add(other, images(photos))
    with pytest.raises(UsageError, match="not their preprocessing"):
        index.add(colour_model(size=4), images(photos))
    assert other.looked_at == 0


def captioned(folder: Path) -> ImageDataset:
    found = [(p.relative_to(folder), p.parent.name, p.stem) for p in sorted(folder.rglob("*.png"))]
    rows = [f"{path},{label},a {label} wall {number}" for path, label, number in found]
    lines = ["path,label,caption", *rows]
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")
    return read_dataset(folder / "photos.csv")


def test_words_find_images_and_images_find_words(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    dataset = captioned(photos)
    images = Index.build(tmp_path / "images", model, dataset)
    captions = Index.build(tmp_path / "captions", model, dataset, modality="captions")
    assert {h.label for h in images.search(model.embed_texts(["green"]), 4)[0]} == {"green"}
    hits = captions.search(model.embed_images([photos / "blue" / "1.png"]), 4)[0]
    assert {hit.record.caption for hit in hits} == {f"a blue wall {n}" for n in range(4)}
    assert captions.add(model, dataset) == Update(kept=12)


def test_captions_need_captions_and_a_model_that_reads(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    with pytest.raises(DataError, match="no item has a caption"):
        Index.build(tmp_path / "idx", colour_model(), images(photos), modality="captions")
    blind = colour_model()
    blind.embed_texts = None
    with pytest.raises(UsageError, match="cannot read text"):
        Index.build(tmp_path / "idx", blind, captioned(photos), modality="captions")
    assert not (tmp_path / "idx").exists()
