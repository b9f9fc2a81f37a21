"""Building from images and adding to them: only new content is embedded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
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


@pytest.fixture
def known(tmp_path: Path, photos: Path, colour_model: Model) -> Index:
    """An index with two levels of labels, captions, a split and a column."""
    rows = ["path,label,label_level_2,caption,split,year"]
    for n, path in enumerate(sorted(photos.rglob("*.png"))):
        place = path.relative_to(photos)
        rows.append(
            f"{place},{place.parts[0]},colour,a wall {n},{('train', 'test')[n % 2]},{2000 + n}"
        )
    (photos / "set.csv").write_text("\n".join(rows) + "\n")
    return Index.build(tmp_path / "idx", colour_model(), read_dataset(photos / "set.csv"))


def facts(index: Index) -> dict[str, tuple[Any, ...]]:
    return {
        hit.record.path: (hit.record.caption, dict(hit.record.labels), dict(hit.record.extra))
        for hit in index.items(index.ids())
    }


def test_a_set_without_labels_leaves_those_the_index_knows_and_says_so(
    known: Index, photos: Path, colour_model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    before = facts(known)
    (photos / "set.csv").unlink()
    for name in ("set.jsonl", "set.csv"):  # a list of paths, which knows nothing else
        lines = {"set.jsonl": '{{"path": "{}"}}', "set.csv": "{}"}[name]
        head = "" if name == "set.jsonl" else "path\n"
        (photos / name).write_text(head + "".join(lines.format(p) + "\n" for p in before))
        with caplog.at_level("WARNING", "rankzoo"):
            done = known.add(colour_model(), read_dataset(photos / name, require_labels=False))
        assert done == Update(kept=12)
        assert facts(known) == before
        said = "does not say label, label_level_2, caption, year, split: 12 known items keep theirs"
        assert caplog.messages[-1].endswith(said)


def test_a_changed_file_keeps_the_labels_that_its_new_set_does_not_say(
    known: Index, photos: Path, colour_model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    before = facts(known)
    Image.new("RGB", (8, 8), (250, 250, 0)).save(photos / "red" / "0.png")
    Image.new("RGB", (8, 8), (250, 0, 250)).save(photos / "red" / "new.png")
    flat = images(photos / "red")
    assert flat.levels == ()
    with caplog.at_level("WARNING", "rankzoo"):
        assert known.add(colour_model(), flat) == Update(1, 1, 3, 2)
    assert caplog.messages[-1].endswith("4 known items keep theirs and 1 new ones have none")
    after = facts(known)
    assert after.pop("red/new.png") == ("", {}, {})
    assert after == before
    assert len(known.search(torch.ones(1, 3), 20)[0]) == 13


def test_what_a_set_says_replaces_what_was_known_and_the_rest_stays(
    known: Index, photos: Path, colour_model: Model
) -> None:
    before = facts(known)
    (photos / "set.csv").write_text(
        "path,label,year\nred/0.png,crimson,1999\nred/1.png,red,\nred/2.png,red,2010\n"
    )
    assert known.add(colour_model(), photos / "set.csv").changed == 2
    after = facts(known)
    caption, labels, extra = before["red/0.png"]
    assert after["red/0.png"] == (
        caption,
        {**labels, "label": "crimson"},
        {**extra, "year": after["red/0.png"][2]["year"]},
    )
    assert int(after["red/0.png"][2]["year"]) == 1999
    assert "year" not in after["red/1.png"][2]
    assert {p: f for p, f in after.items() if p not in ("red/0.png", "red/1.png")} == {
        p: f for p, f in before.items() if p not in ("red/0.png", "red/1.png")
    }


def test_an_image_that_the_network_gives_nothing_for_is_named(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    model.forward = lambda pixels: torch.zeros(len(pixels), 3)
    with pytest.raises(DataError, match=r"blue/0\.png.* has no direction") as caught:
        Index.build(tmp_path / "idx", model, images(photos))
    assert "training" in caught.value.hint
