"""An option that says nothing, alone or beside another, is refused by name and never dropped."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.walk import rankzoo
from tests.models.tiny_text import tiny_text
from tests.tiny_model import model as model
from zoo.data.preprocessing import Preprocessing
from zoo.index import Index
from zoo.models import EmbedderConfig, build_embedder, load_embedder
from zoo.models.two_towers import TwoTowers, save_two_towers

BUILD = "index build --model {model} --images {photos} --out {out}"
ASSEMBLE = "index assemble {shards} --out {out}"
EMBED = "embed --model {model} --images {photos} --out {out}"
CAPTIONS = "--model {towers} --images {photos}/set.csv --out {out} --captions"
# What is typed, the option that says nothing, and what its error names beside it.
IDLE = (
    ("search {idx} {photo} --alpha 2", "--alpha", "--expand"),
    ("search {idx} {photo} --alpha 0 --rerank 20", "--alpha", "--expand"),
    ("search {idx} {photo} --alpha 3", "--alpha", "--expand"),
    ("search {idx} {photo} --alpha 3 --rerank", "--alpha", "--expand"),
    ("eval {model} --data {photos} --alpha 3", "--alpha", "--augment"),
    ("eval {model} --data {photos} --whiten-by pca", "--whiten-by", "--whiten-on"),
    ("eval {model} --data {photos} --query-image crop", "--query-image", "protocol"),
    ("train --model {model} --show-config --dry-run", "--dry-run", "--show-config"),
    ("bench spread --kind Flat --probes 16", "--probes", "Flat"),
    ("search {plain} {photo} --vote", "--vote", "labels"),
    (f"{BUILD} --kind IVF2,SQ8 --recall 1", "--kind", "--recall"),
    (f"{BUILD} --kind Flat --latency-ms 5", "--kind", "--latency-ms"),
    (f"{BUILD} --refine 0 --memory 1GB", "--refine", "--memory"),
    (f"{BUILD} --refine 4", "--refine", "Flat"),
    (f"{BUILD} --kind HNSW8 --refine 4", "--refine", "HNSW8"),
    (f"{BUILD} --kind IVF2,Flat --refine 4", "--refine", "IVF2,Flat"),
    (f"{BUILD} --like {{idx}} --kind HNSW8", "--kind", "--like"),
    (f"{BUILD} --like {{idx}} --kind IVF2,SQ8 --refine 4", "--kind", "--like"),
    (f"{BUILD} --like {{idx}} --recall 0.9", "--recall", "--like"),
    (f"{BUILD} --like {{idx}} --memory 1GB", "--memory", "--like"),
    (f"{BUILD} --like {{idx}} --latency-ms 5", "--latency-ms", "--like"),
    (f"{BUILD} --like {{idx}} --whiten", "--whiten", "--like"),
    (f"{BUILD} --like {{idx}} --whitening-dim 2", "--whitening-dim", "--like"),
    (f"{BUILD} --shards 2 --recall 0.9", "--recall", "vectors"),
    (f"{BUILD} --shards 2 --recall 0.9 --dry-run", "--recall", "vectors"),
    (f"{BUILD} --apart", "--apart", "one shard"),
    (f"{BUILD} --apart --dry-run", "--apart", "one shard"),
    (f"{BUILD} --cpus 2", "--cpus", "cluster"),
    (f"{BUILD} --gpus 1", "--gpus", "cluster"),
    (f"{BUILD} --address auto", "--address", "cluster"),
    (f"index build {CAPTIONS} --workers 2", "--workers", "captions"),
    (f"index build {CAPTIONS} --runtime onnxruntime", "--runtime", "captions"),
    (f"{ASSEMBLE} --refine 4", "--refine", "Flat"),
    (f"{ASSEMBLE} --like {{idx}} --kind HNSW8", "--kind", "--like"),
    (f"{ASSEMBLE} --like {{idx}} --refine 0", "--refine", "--like"),
    (f"{ASSEMBLE} --like {{idx}} --whiten", "--whiten", "--like"),
    (f"{ASSEMBLE} --like {{idx}} --whitening-dim 2", "--whitening-dim", "--like"),
    (f"{ASSEMBLE} --cpus 2", "--cpus", "cluster"),
    (f"{ASSEMBLE} --engine ray", "--engine", "Flat"),
    (f"{ASSEMBLE} --engine ray --kind HNSW8", "--engine", "HNSW8"),
    ("index add {captions} --images {photos}/set.csv --workers 2", "--workers", "captions"),
    ("index add {captions} --images {photos}/set.csv --runtime auto", "--runtime", "captions"),
    (f"{EMBED} --shard 0/2 --shards 2", "--shard ", "--shards"),
    (f"{EMBED} --shard 0/2 --engine ray", "--shard ", "array job"),
    (f"{EMBED} --gpus 1", "--gpus", "cluster"),
    (f"embed {CAPTIONS} --workers 2", "--workers", "captions"),
    ("serve {idx} --shards 2", "--shards", "cluster"),
    ("serve {idx} --replicas 2", "--replicas", "cluster"),
    ("serve {idx} --address auto", "--address", "cluster"),
    ("serve {idx} --pictures {out}", "--pictures", "no folder"),
    ("train --task labels --data {photos} --workers 2 --dry-run", "--workers", "train_backbone"),
    (
        "train --model {model} --set schedule.steps=2 --set schedule.epochs=3",
        "schedule.epochs",
        "schedule.steps",
    ),
    (
        "convert {photo} --out {out} --architecture coco-retinanet-r50-focal --size 32",
        "--size",
        "coco-retinanet-r50-focal",
    ),
    ("bench spread --kind Flat --probes 4", "--probes", "Flat"),
)


@pytest.fixture(scope="module")
def places(
    model: Path, tmp_path_factory: pytest.TempPathFactory, photos_once: Path
) -> dict[str, Path]:
    """Folders of two models, a set with captions, its shards, and an index of each kind."""
    here = tmp_path_factory.mktemp("places")
    config = EmbedderConfig("test_resnet", dim=32, preprocessing=Preprocessing(size=32, resize=32))
    save_two_towers(TwoTowers(build_embedder(config), tiny_text()), here / "towers")
    network, photo = load_embedder(model), photos_once / "red" / "0.png"
    Index.build(here / "idx", network, photos_once, name=str(model))
    Index.build(here / "plain", network, photos_once / "red", name=str(model))
    made = {"model": model, "photos": photos_once, "photo": photo, "towers": here / "towers"}
    for words in (
        f"embed --model {model} --images {photos_once} --out {here / 'shards'} --shards 2",
        f"index build {CAPTIONS}".format(**made, out=here / "captions"),
    ):
        assert rankzoo(*words.split())[0] == 0
    return {**made, **{name: here / name for name in ("idx", "plain", "captions", "shards")}}


@pytest.fixture(scope="module")
def photos_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of two classes, and a list of them with captions."""
    folder = tmp_path_factory.mktemp("photos")
    rows = ["path,label,caption"]
    for label, channel in (("red", 0), ("green", 1)):
        (folder / label).mkdir()
        for n in range(3):
            colour = tuple(200 + 9 * n if c == channel else 20 for c in range(3))
            Image.new("RGB", (8, 8), colour).save(folder / label / f"{n}.png")
            rows.append(f"{label}/{n}.png,{label},a {label} wall {n}")
    (folder / "set.csv").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize(("words", "idle", "needs"), IDLE, ids=[row[0] for row in IDLE])
def test_it_is_refused_by_name_with_what_it_needs(
    words: str, idle: str, needs: str, places: dict[str, Path], tmp_path: Path
) -> None:
    typed = [word.format(**places, out=tmp_path / "out") for word in words.split()]
    code, said = rankzoo(*typed)
    assert code == 2, said
    assert idle in f"{said['error']} "
    assert needs in f"{said['error']} {said['hint']}"
    assert not list(tmp_path.glob("out/**/*.faiss"))


def test_processes_of_torchrun_do_not_start_ray_each(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = "train --model {model} --data {photos} --engine ray --out {out}"
    code, said = rankzoo(*words.format(**places, out=tmp_path / "out").split())
    assert code == 2
    assert "torchrun" in said["error"]


def test_beside_what_they_need_they_are_taken(places: dict[str, Path], tmp_path: Path) -> None:
    for number, words in enumerate(
        (
            "search {idx} {photo} --alpha 2 --expand 2",
            "search {idx} {photo} --vote",
            f"{BUILD} --kind IVF2,SQ8 --refine 4",
            f"{BUILD} --like {{idx}} --shards 2 --apart",
            f"{ASSEMBLE} --like {{idx}}",
            f"{ASSEMBLE} --kind IVF2,SQ8 --refine 2 --whitening-dim 2",
        )
    ):
        typed = [word.format(**places, out=tmp_path / str(number)) for word in words.split()]
        code, said = rankzoo(*typed)
        assert code == 0, said
