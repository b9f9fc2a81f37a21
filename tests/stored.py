"""What the product writes, small, and how each is read again: the subjects of flipped bits."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.conftest import ColourModel
from zoo.cards.sources import FileRecord
from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.detection.storage import read_detector_config, save_detector
from zoo.embedding.identity import ModelIdentity, identify
from zoo.embedding.shards import Shard, Source, embed_shard
from zoo.embedding.store import Identity, append_rows, open_store, read_identity
from zoo.embedding.whitening import learn_whitening, load_whitening, save_whitening
from zoo.errors import RankzooError
from zoo.experiments.outcome import (
    OUTCOME,
    Outcome,
    read_outcome,
    read_values,
    write_outcome,
    write_values,
)
from zoo.experiments.settings import open_settings, read_settings
from zoo.files import read_sealed, write_sealed
from zoo.hub.cache import Pin, read_pin, write_pin
from zoo.index import Index, Plan, Record
from zoo.index.assembling import assemble
from zoo.models.config import EmbedderConfig
from zoo.models.embedder import Embedder, load_embedder, save_embedder
from zoo.models.scorer import Scorer, ScorerConfig, load_scorer, save_scorer
from zoo.models.storage import read_weights
from zoo.recipes import RECIPES
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.values import read_recipe, to_json
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.folder import RECIPE, RESULTS, begin
from zoo.runs.record import Record as RunRecord
from zoo.runs.record import read_rows
from zoo.sorters.store import build_sorter, load_sorter, save_sorter


@dataclass(frozen=True)
class Stored:
    """A kind of thing on disk: how it is written into a folder, and everything read from it."""

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], object]


def vectors(count: int = 40, dim: int = 8) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(count, dim), dim=1)


def write_run(folder: Path) -> None:
    begin(folder, RECIPES["emoji-sup_hap"], resume=False)
    with RunRecord(folder, 0, (), muted=False) as record:
        for step in range(30):
            record.write({"step": step, "loss": 1 / (step + 1), "images_per_second": 41.5})
    write_sealed(folder / RESULTS, {"metrics": {"recall_at_1": 0.5}, "seconds": 3.25, "seed": 0})


def read_run(folder: Path) -> object:
    recipe = to_json(read_recipe(folder / RECIPE))
    return recipe, read_rows(folder), read_sealed(folder / RESULTS)


def write_comparison(folder: Path) -> None:
    recipe = to_json(RECIPES["emoji-sup_hap"])
    open_settings(folder, {"recipe": recipe, "rates": [0.1, 0.2], "trials": 3, "method": "tpe"})
    write_outcome(folder, recipe, Outcome("ok", metrics={"map_at_r": 0.25}, seconds=2.5))
    write_values(folder, {"map_at_r": torch.rand(50)})


def read_comparison(folder: Path) -> object:
    outcome, recipe = read_outcome(folder / OUTCOME)
    return asdict(outcome), recipe, read_values(folder), read_settings(folder)


def write_store(folder: Path) -> None:
    write_sealed(folder / "manifest.json", asdict(Identity("a" * 64, "b" * 64, 40, 8)))
    append_rows(folder, [vectors()], 8)


def write_index(folder: Path, kind: str) -> None:
    records = [Record(f"p{i}.png", f"p-{i}", labels={"label": f"c{i % 5}"}) for i in range(40)]
    model = ModelIdentity("a-model", "0" * 64, {"size": 8})
    index = Index.from_vectors(folder, vectors(), records, model, plan=Plan(kind, refine=2))
    index.remove(ids=[3])
    index.close()


def read_index(folder: Path) -> object:
    index = Index.open(folder)
    index.verify()
    found = index.search(vectors(40)[:5], 5), index.search(vectors(40)[:5], 5, where="label='c1'")
    value = [[asdict(hit) for hit in hits] for answer in found for hits in answer], index.ids()
    index.close()
    return value, asdict(index.manifest.model)


def write_shards(folder: Path) -> None:
    from PIL import Image as Pixels

    images = folder.parent / "images"
    images.mkdir(exist_ok=True)
    for n in range(12):
        Pixels.new("RGB", (8, 8), (n * 20, 9, 9)).save(images / f"{n}.png")
    items = tuple(Item(path, ("a",)) for path in sorted(images.iterdir()))
    model, data = ColourModel(), ImageDataset("", images, items, ("label",))
    for n in range(2):
        embed_shard(folder, Shard(n, 2), Source(model, identify(model, "colours"), data))


def read_shards(folder: Path) -> object:
    with tempfile.TemporaryDirectory() as scratch:
        index = assemble(Path(scratch) / "index", folder)
        found = index.vectors_of(index.ids()), [asdict(hit) for hit in index.items(index.ids())]
        index.close()
    return found


def read_pinned(path: Path) -> object:
    if (pin := read_pin(path)) is None:
        raise RankzooError("the pin is damaged: the Hub is asked again")
    return asdict(pin)


CONFIG = EmbedderConfig("test_resnet", dim=8)
SCORER = ScorerConfig("test_resnet", CONFIG.preprocessing, ("a", "b"))
STATES: dict[str, dict[str, Any]] = {
    "rng": {"torch": torch.get_rng_state()},
    "optimiser": {"exp_avg": torch.ones(30)},
}


def stored() -> list[Stored]:
    """Return every kind of file that the product writes and reads again."""
    pin = Pin("me/x", "0" * 40, (FileRecord("config.json", 3, "1" * 64),))
    return [
        Stored("run: recipe, results, metrics", write_run, read_run),
        Stored("comparison: settings, outcome, values", write_comparison, read_comparison),
        Stored(
            "embedder folder",
            lambda f: save_embedder(Embedder(CONFIG), f),
            lambda f: (load_embedder(f).state_dict(), load_embedder(f).config.to_json()),
        ),
        Stored(
            "scorer folder",
            lambda f: save_scorer(Scorer(SCORER), f),
            lambda f: (load_scorer(f).state_dict(), load_scorer(f).config.to_json()),
        ),
        Stored(
            "sorter folder",
            lambda f: save_sorter(build_sorter("grus"), f, "grus"),
            lambda f: load_sorter(f).state_dict(),
        ),
        Stored(
            "training checkpoint",
            lambda f: save_checkpoint(f, 7, {"model": {"w": torch.ones(99)}}, dict(STATES)),
            load_checkpoint,
        ),
        Stored("embedding store", write_store, lambda f: (open_store(f), asdict(read_identity(f)))),
        Stored(
            "whitening",
            lambda f: save_whitening(learn_whitening(vectors(), 4), f / "w.safetensors"),
            lambda f: vars(load_whitening(f / "w.safetensors")),
        ),
        *(
            Stored(f"index {kind}", lambda f, k=kind: write_index(f, k), read_index)  # type: ignore[misc]
            for kind in ("Flat", "IVF4,SQ8")
        ),
        Stored("shards", write_shards, read_shards),
        Stored("pin", lambda f: write_pin(f / "a.json", pin), lambda f: read_pinned(f / "a.json")),
    ]


def write_detector(folder: Path) -> None:
    recipe = RECIPES["voc07-faster-rcnn-r50-blackbox"]
    assert isinstance(recipe, DetectionRecipe)
    save_detector(folder, recipe, ("cat", "dog"), {"a": torch.ones(99)})


def read_detector(folder: Path) -> object:
    """Read all that `load_detector` reads, without building mmdetection's network."""
    recipe, labels = read_detector_config(folder)
    return to_json(recipe), labels, read_weights(folder)


def towers() -> list[Stored]:
    """Return the model folders that need transformers, and the detector's."""
    from tests.models.tiny_clip import tiny_clip
    from tests.models.tiny_text import tiny_text
    from tests.models.tiny_words import tiny_words
    from zoo.models.clip import load_clip, save_clip
    from zoo.models.text_encoder import load_text_encoder, save_text_encoder
    from zoo.models.two_towers import TwoTowers, load_two_towers, save_two_towers

    def write_clip(folder: Path) -> None:
        save_clip(load_clip(tiny_clip(folder.parent / "plain")), folder)

    def write_pair(folder: Path) -> None:
        save_two_towers(TwoTowers(Embedder(replace(CONFIG, dim=32)), tiny_text()), folder)

    def write_words(folder: Path) -> None:
        save_two_towers(TwoTowers(Embedder(replace(CONFIG, dim=16)), tiny_words()), folder)

    def reader(load: Callable[[Path], Any]) -> Callable[[Path], object]:
        def read(folder: Path) -> object:
            model = load(folder)
            return model.state_dict(), model.tokenize(["a red cat"])

        return read

    return [
        Stored("detector folder", write_detector, read_detector),
        Stored("CLIP folder", write_clip, reader(load_clip)),
        Stored(
            "text encoder folder",
            lambda f: save_text_encoder(tiny_text(), f),
            reader(load_text_encoder),
        ),
        Stored("two towers folder", write_pair, reader(load_two_towers)),
        Stored("two towers of words", write_words, reader(load_two_towers)),
    ]
