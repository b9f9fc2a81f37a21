"""Shards: done once, done whole, and together the same as one run."""

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from zoo.cluster import Cluster
from zoo.data.dataset import ImageDataset, read_dataset
from zoo.embedding.cluster import Division, Job, divided, embed_shards
from zoo.embedding.identity import identify
from zoo.embedding.shards import Shard, Source, complete, embed_shard
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.index import Index, Plan
from zoo.index.assembling import AssembleOptions, assemble, build_divided

Model = Callable[..., Any]


def embedded(out: Path, model: Any, dataset: ImageDataset, total: int = 5) -> list[bool]:
    source = Source(model, identify(model, "colours"), dataset)
    return [embed_shard(out, Shard(n, total), source) for n in range(total)]


@pytest.fixture
def dataset(photos: Path) -> ImageDataset:
    return read_dataset(photos, require_labels=False)


def test_shards_together_are_the_index_of_one_run(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    model = colour_model()
    assert embedded(tmp_path / "out", model, dataset) == [True] * 5
    whole = Index.build(tmp_path / "whole", model, dataset, name="colours")
    parts = assemble(tmp_path / "parts", tmp_path / "out")
    queries = model.embed_images(dataset.paths)
    assert parts.search(queries, 12) == whole.search(queries, 12)
    assert parts.manifest.model == whole.manifest.model


def test_a_second_run_embeds_only_what_is_missing(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    embedded(tmp_path, colour_model(), dataset)
    for file in (tmp_path / Shard(3, 5).name).iterdir():
        file.unlink()
    (tmp_path / Shard(3, 5).name).rmdir()
    (tmp_path / f".{Shard(3, 5).name}.killed").mkdir()
    model = colour_model()
    assert embedded(tmp_path, model, dataset) == [False, False, False, True, False]
    assert model.looked_at == len(Shard(3, 5).of(len(dataset))) == 2
    assert not list(tmp_path.glob(".*"))


def test_a_shard_that_is_damaged_or_of_something_else_is_refused(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    embedded(tmp_path, colour_model(), dataset)
    home = tmp_path / Shard(0, 5).name
    with pytest.raises(UsageError, match=f"^{home} was embedded with other weights") as caught:
        embedded(tmp_path, colour_model(gain=2.0), dataset)
    assert caught.value.hint == "embed with 'colours', or choose another --out"
    with pytest.raises(UsageError, match=f"^{home} was embedded with .* not their preprocessing"):
        embedded(tmp_path, colour_model(size=4), dataset)
    fewer = replace(dataset, items=dataset.items[1:])
    with pytest.raises(UsageError, match="made of other images"):
        embedded(tmp_path, colour_model(), fewer)
    vectors = tmp_path / Shard(2, 5).name / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    for attempt in (
        lambda: embedded(tmp_path, colour_model(), dataset),
        lambda: assemble(tmp_path / "idx", tmp_path),
    ):
        with pytest.raises(IntegrityError, match="shard-00002-of-00005 is damaged"):
            attempt()


def test_shards_of_two_models_make_no_index(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    for number, model in enumerate((colour_model(), colour_model(gain=2.0))):
        source = Source(model, identify(model, f"model {number}"), dataset)
        embed_shard(tmp_path, Shard(number, 2), source)
    one, other = (tmp_path / Shard(number, 2).name for number in range(2))
    with pytest.raises(UsageError) as caught:
        assemble(tmp_path / "idx", tmp_path)
    assert str(caught.value).startswith(f"{one} was embedded with other weights: 'model 0'")
    assert f"{other} with 'model 1'" in str(caught.value)
    assert caught.value.hint == "embed all shards with one model"


def test_missing_and_mixed_shards_are_named(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    model = colour_model()
    with pytest.raises(DataError, match="holds no shard"):
        complete(tmp_path)
    source = Source(model, identify(model, "colours"), dataset)
    embed_shard(tmp_path, Shard(0, 2), source)
    with pytest.raises(DataError, match="lacks shard-00001-of-00002"):
        complete(tmp_path)
    embed_shard(tmp_path, Shard(1, 2), source)
    embed_shard(tmp_path, Shard(0, 3), source)
    with pytest.raises(DataError, match="mixes divisions"):
        complete(tmp_path)


@pytest.mark.parametrize("text", ["", "3", "3/3", "-1/4", "1/0", "a/b"])
def test_shards_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)


def test_every_item_is_in_exactly_one_shard(dataset: ImageDataset) -> None:
    for total in (1, 5, 7, 12, 20):
        parts = [Shard(number, total).of(len(dataset)) for number in range(total)]
        assert [place for part in parts for place in part] == list(range(len(dataset)))


@pytest.mark.parametrize("kind", ["Flat", "HNSW8", "IVF2,SQ8"])
@pytest.mark.parametrize("whiten", [False, True])
def test_an_index_of_shards_is_to_the_byte_that_of_one_run(
    kind: str, whiten: bool, tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model, plan = colour_model(), Plan(kind)
    job = Job(lambda *_, **__: model, "colours", photos)
    options = AssembleOptions(plan, whiten=whiten)
    parts = build_divided(tmp_path / "parts", job, Division(shards=5), options)
    dataset = read_dataset(photos, require_labels=False)
    whole = Index.build(tmp_path / "whole", model, dataset, plan=plan, whiten=whiten)
    assert _vectors_and_rows(parts) == _vectors_and_rows(whole)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", ["Flat", "HNSW8", "IVF2,SQ8"])
@pytest.mark.parametrize("apart", [False, True])
def test_of_more_shards_than_images_those_of_nothing_are_whole_and_change_nothing(
    kind: str, apart: bool, tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model, plan = colour_model(), Plan(kind, nprobe=2)
    job = Job(lambda *_, **__: model, "colours", photos)
    for number in range(17):  # each on a machine of its own
        alone = embed_shards(tmp_path / "out", job, Division(f"{number}/17"))
        assert alone == {"done": 1, "kept": 0}
    again = embed_shards(tmp_path / "out", job, Division(shards=17))
    assert again == {"done": 0, "kept": 17}
    parts = assemble(tmp_path / "parts", tmp_path / "out", plan=plan, apart=apart)
    whole = Index.build(tmp_path / "whole", model, photos, plan=plan)
    assert parts.manifest.history[-1]["shards"] == 17
    assert [segment.count for segment in parts.manifest.segments] == ([1] * 12 if apart else [12])
    if not apart:
        assert _vectors_and_rows(parts) == _vectors_and_rows(whole)
    queries = model.embed_images(read_dataset(photos).paths)
    assert parts.search(queries, 12) == whole.search(queries, 12)
    assert parts.verify() > 0


def test_a_missing_shard_is_missed_though_it_would_hold_nothing(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    embedded(tmp_path, colour_model(), dataset, 13)
    shutil.rmtree(tmp_path / Shard(0, 13).name)
    assert list(Shard(0, 13).of(12)) == []
    with pytest.raises(DataError, match="lacks shard-00000-of-00013"):
        assemble(tmp_path / "idx", tmp_path)


def test_shards_without_a_caption_are_of_nothing_unless_all_are(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    paths = sorted(path.relative_to(photos) for path in photos.rglob("*.png"))
    rows = [f"{path},{'a red wall' if n in (4, 5) else ''}" for n, path in enumerate(paths)]
    (photos / "set.csv").write_text("\n".join(["path,caption", *rows]))
    model = colour_model()
    job = Job(lambda *_, **__: model, "colours", photos / "set.csv", modality="captions")
    parts = build_divided(tmp_path / "parts", job, Division(shards=5))
    assert [hit.record.caption for hit in parts.items(parts.ids())] == ["a red wall"] * 2
    none = replace(job, images=photos)
    for division in (Division("2/3"), Division(shards=20), Division()):
        with pytest.raises(DataError, match="no item has a caption"):
            embed_shards(tmp_path / "none", none, division)
    assert not list((tmp_path / "none").glob("shard-*"))
    blind = colour_model()
    blind.embed_texts = None
    cannot = replace(job, load=lambda *_, **__: blind)
    with pytest.raises(UsageError, match="cannot read text"):
        embed_shards(tmp_path / "blind", cannot, Division("0/20"))


def test_packed_files_without_a_caption_make_no_index(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    (tmp_path / "packed").mkdir()
    with tarfile.open(tmp_path / "packed" / "a.tar", "w") as tar:
        tar.add(photos / "red" / "0.png", "0.png")
    job = Job(lambda *_, **__: colour_model(), "colours", tmp_path / "packed", modality="captions")
    with pytest.raises(DataError, match="none of the 1 shards .* holds an item") as caught:
        build_divided(tmp_path / "idx", job, Division())
    assert "captions" in caught.value.hint
    assert not (tmp_path / "idx").exists()


@pytest.mark.parametrize("kind", ["Flat", "HNSW8", "IVF2,SQ8"])
def test_shards_that_stay_apart_are_segments_with_the_answers_of_one(
    kind: str, tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model, plan = colour_model(), Plan(kind, nprobe=2)
    job = Job(lambda *_, **__: model, "colours", photos)
    made = AssembleOptions(plan, apart=True)
    parts = build_divided(tmp_path / "parts", job, Division(shards=3), made)
    whole = Index.build(tmp_path / "whole", model, photos, plan=plan)
    assert [segment.count for segment in parts.manifest.segments] == [4, 4, 4]
    queries = model.embed_images(read_dataset(photos).paths)
    assert parts.search(queries, 12) == whole.search(queries, 12)
    assert parts.ids() == whole.ids()
    assert parts.verify() > 0


def _vectors_and_rows(index: Index) -> dict[str, str]:
    return {name: facts.sha256 for name, facts in index.manifest.files.items()}


def test_packed_files_are_shards_and_answer_as_their_images_do(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    (tmp_path / "packed").mkdir()
    for label in ("blue", "green", "red"):
        with tarfile.open(tmp_path / "packed" / f"{label}.tar", "w") as tar:
            for path in sorted((photos / label).iterdir()):
                tar.add(path, path.name)
    job = Job(lambda *_, **__: model, "colours", tmp_path / "packed")
    parts = build_divided(tmp_path / "parts", job, Division())
    whole = Index.build(tmp_path / "whole", model, photos)
    assert parts.manifest.history[-1]["shards"] == 3
    assert parts.root == tmp_path / "packed"
    queries = model.embed_images(read_dataset(photos).paths)
    pairs = zip(parts.search(queries, 12), whole.search(queries, 12), strict=True)
    for ours, theirs in pairs:
        assert [h.score for h in ours] == [h.score for h in theirs]
        assert {h.record.sha256 for h in ours} == {h.record.sha256 for h in theirs}
    assert parts.items([0])[0].record.path == "blue.tar/0.png"
    with pytest.raises(UsageError, match="3 packed files make no 4 shards"):
        embed_shards(tmp_path / "out", job, Division(shards=4))


def test_a_packed_file_of_bad_images_alone_is_a_shard_of_nothing(
    tmp_path: Path, photos: Path, colour_model: Model
) -> None:
    model = colour_model()
    (tmp_path / "bad.png").write_bytes(b"no image")
    packed = {"bad": tmp_path / "bad.png", "good": photos / "red" / "0.png"}
    for name, path in packed.items():
        (tmp_path / "packed").mkdir(exist_ok=True)
        with tarfile.open(tmp_path / "packed" / f"{name}.tar", "w") as tar:
            tar.add(path, "0.png")
    job = Job(lambda *_, **__: model, "colours", tmp_path / "packed")
    with pytest.raises(DataError, match="0.png"):
        build_divided(tmp_path / "strict", job, Division())
    lenient = replace(job, on_bad_image="skip")
    found = build_divided(tmp_path / "lenient", lenient, Division())
    assert [item.record.path for item in found.items([0])] == ["good.tar/0.png"]
    assert len(found) == 1
    (tmp_path / "packed" / "good.tar").unlink()
    with pytest.raises(DataError, match="none of the 1 shards"):
        build_divided(tmp_path / "nothing", lenient, Division())


@pytest.mark.parametrize(
    ("division", "message"),
    [
        (Division("0/2", 3), "array job"),
        (Division("0/2", cluster=Cluster()), "array job"),
        (Division("2/2"), "--shard '2/2' is none"),
    ],
)
def test_divisions_that_cannot_be_are_refused(
    division: Division, message: str, photos: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        divided(Job(nn.Module, "m", photos), division)


def test_work_is_divided_as_asked(photos: Path) -> None:
    job = Job(nn.Module, "m", photos)
    assert len(divided(job, Division())[1]) == 1
    assert len(divided(job, Division(cluster=Cluster()))[1]) == 16
    assert divided(job, Division("1/3"))[1] == [Shard(1, 3)]
