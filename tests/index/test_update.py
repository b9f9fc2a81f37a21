"""Building from pictures and adding to them: only new content is embedded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.catalogue import Catalogue, read_catalogue
from zoo.errors import DataError, UsageError
from zoo.index import Index, Update

Model = Callable[..., Any]


def pictures(photos: Path) -> Catalogue:
    return read_catalogue(photos, require_labels=False)


def test_a_picture_finds_itself_then_its_own_colour(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, pictures(photos))
    hits = index.search(model.embed_images([photos / "green" / "2.png"]), 4)[0]
    assert hits[0].path == photos / "green" / "2.png"
    assert [hit.label for hit in hits] == ["green"] * 4
    assert index.info()["root"] == str(photos)


def test_adding_embeds_only_content_never_seen(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, pictures(photos))
    model.looked_at = 0
    assert index.add(model, pictures(photos)) == Update(kept=12)
    Image.new("RGB", (8, 8), (90, 200, 90)).save(photos / "green" / "new.png")
    shutil.copy(photos / "green" / "0.png", photos / "green" / "copy.png")
    assert index.add(model, pictures(photos)) == Update(added=2, kept=12, embedded=1)
    assert model.looked_at == 1
    assert len(index) == 14


def test_a_changed_file_replaces_its_past(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, pictures(photos))
    Image.new("RGB", (8, 8), (0, 0, 250)).save(photos / "red" / "0.png")
    assert index.add(model, pictures(photos)) == Update(changed=1, kept=11, embedded=1)
    hits = index.search(model.embed_images([photos / "red" / "0.png"]), 20)[0]
    assert len(hits) == 12
    assert hits[0].path == photos / "red" / "0.png"


def test_a_moved_picture_keeps_its_vector_and_gets_its_new_label(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    index = Index.build(tmp_path / "idx", model, pictures(photos))
    model.looked_at = 0
    (photos / "pale").mkdir()
    (photos / "red" / "0.png").rename(photos / "pale" / "0.png")
    index.remove(paths=[str(photos / "red" / "0.png")])
    assert index.add(model, pictures(photos)) == Update(added=1, kept=11)
    assert model.looked_at == 0
    assert index.search(model.embed_images([photos / "pale" / "0.png"]), 1)[0][0].label == "pale"


def test_the_same_picture_twice_is_embedded_once(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    for number in range(5):
        shutil.copy(photos / "red" / "0.png", photos / "red" / f"copy{number}.png")
    model = colour_model()
    assert len(Index.build(tmp_path / "idx", model, pictures(photos))) == 17
    assert model.looked_at == 12


def test_another_model_is_refused_before_it_embeds_anything(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    index = Index.build(tmp_path / "idx", colour_model(), pictures(photos))
    other = colour_model(gain=2.0)
    with pytest.raises(UsageError, match="other weights"):
        index.add(other, pictures(photos))
    with pytest.raises(UsageError, match="not their preprocessing"):
        index.add(colour_model(size=4), pictures(photos))
    assert other.looked_at == 0


def captioned(folder: Path) -> Catalogue:
    found = [(p.relative_to(folder), p.parent.name, p.stem) for p in sorted(folder.rglob("*.png"))]
    rows = [f"{path},{label},a {label} wall {number}" for path, label, number in found]
    lines = ["path,label,caption", *rows]
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")
    return read_catalogue(folder / "photos.csv")


def test_words_find_pictures_and_pictures_find_words(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    catalogue = captioned(photos)
    images = Index.build(tmp_path / "images", model, catalogue)
    captions = Index.build(tmp_path / "captions", model, catalogue, modality="captions")
    assert {h.label for h in images.search(model.embed_texts(["green"]), 4)[0]} == {"green"}
    hits = captions.search(model.embed_images([photos / "blue" / "1.png"]), 4)[0]
    assert {hit.record.caption for hit in hits} == {f"a blue wall {n}" for n in range(4)}
    assert captions.add(model, catalogue) == Update(kept=12)


def test_captions_need_captions_and_a_model_that_reads(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    with pytest.raises(DataError, match="no item has a caption"):
        Index.build(tmp_path / "idx", colour_model(), pictures(photos), modality="captions")
    blind = colour_model()
    blind.embed_texts = None
    with pytest.raises(UsageError, match="cannot read text"):
        Index.build(tmp_path / "idx", blind, captioned(photos), modality="captions")
    assert not (tmp_path / "idx").exists()
