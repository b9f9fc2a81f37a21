"""Readers of model folders that a stranger made: no seal, or one of their own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.fuzz_parser import Parser
from tests.models.tiny_words import VECTORS, as_text, tiny_words
from tests.stored import CONFIG, SCORER
from zoo.cards.model_files import read_config
from zoo.data.word_vectors import read_word_vectors
from zoo.detection.storage import read_detector_config, save_detector, threshold_of
from zoo.files import FOLDER_SEAL, SEAL
from zoo.hub.pickles import foreign_classes, read_state_dict
from zoo.models.clip import load_clip
from zoo.models.embedder import Embedder, load_embedder, save_embedder
from zoo.models.scorer import Scorer, load_scorer, save_scorer
from zoo.models.text_encoder import load_text_encoder, save_text_encoder
from zoo.models.two_towers import TwoTowers, load_two_towers, save_two_towers
from zoo.recipes import RECIPES
from zoo.recipes.detector import DetectionRecipe
from zoo.runs.reading import read_run
from zoo.sorters.store import build_sorter, load_sorter, save_sorter


def unsealed(write: Callable[[Path], object]) -> Callable[[Path], None]:
    """Write a folder, and take its seals away: a stranger's file has none, or makes its own."""

    def both(folder: Path) -> None:
        write(folder)
        for path in folder.rglob("*.json"):
            value = json.loads(path.read_text(encoding="utf-8"))
            if path.name == FOLDER_SEAL:
                path.unlink()
            elif isinstance(value, dict) and value.pop(SEAL, None):
                path.write_text(json.dumps(value), encoding="utf-8")

    return both


def write_detector(folder: Path) -> None:
    recipe = RECIPES["voc07-faster-rcnn-r50-blackbox"]
    assert isinstance(recipe, DetectionRecipe)
    save_detector(folder, recipe, ("cat", "dog"), {"a": torch.ones(3)})


def read_detector(folder: Path) -> None:
    read_detector_config(folder)
    threshold_of(read_config(folder))


def write_pickle(folder: Path) -> None:
    tensors = {"a": torch.ones(2, 3), "b": torch.ones(4)}
    torch.save({"state_dict": tensors, "epoch": 3}, folder / "zipped.pth")
    torch.save(tensors, folder / "old.pth", _use_new_zipfile_serialization=False)


def read_pickle(folder: Path) -> None:
    for path in folder.iterdir():
        read_state_dict(path, foreign_classes(path))


def write_run(folder: Path) -> None:
    save_embedder(Embedder(CONFIG), folder)
    results = {"metrics": {"recall_at_1": 0.5}, "seconds": 3.25, "seed": 0}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "recipe.json").write_text(json.dumps({"name": "a", "loss": {"name": "sup_ap"}}))


def write_clip(folder: Path) -> None:
    from tests.models.tiny_clip import tiny_clip  # transformers take seconds to import

    tiny_clip(folder)


def write_text(folder: Path) -> None:
    from tests.models.tiny_text import tiny_text

    save_text_encoder(tiny_text(), folder)


def write_two_towers(folder: Path) -> None:
    from tests.models.tiny_text import tiny_text

    save_two_towers(TwoTowers(Embedder(replace(CONFIG, dim=32)), tiny_text()), folder)


def write_towers_of_words(folder: Path) -> None:
    save_two_towers(TwoTowers(Embedder(replace(CONFIG, dim=16)), tiny_words()), folder)


def write_vectors(folder: Path) -> None:
    """Write the same vectors of words in three forms."""
    rows = VECTORS.table.numpy()
    (folder / "a.txt").write_text(as_text(), encoding="utf-8")
    np.save(folder / "b.npy", rows)
    (folder / "b.txt").write_text("\n".join(VECTORS.words), encoding="utf-8")
    words = (w.encode() + b" " + row.tobytes() for w, row in zip(VECTORS.words, rows, strict=True))
    (folder / "c.bin").write_bytes(b"12 8\n" + b"".join(words))


def vectors() -> list[Parser]:
    """Files of word vectors."""

    def parser(name: str) -> Parser:
        return Parser(
            f"word vectors {name}", (name,), write_vectors, lambda f: read_word_vectors(f / name)
        )

    return [parser(name) for name in ("a.txt", "b.npy", "c.bin")]


def models() -> list[Parser]:
    """Configurations, weights and pickles."""
    both = ("*.json", "*/*.json")
    return [
        Parser(
            "embedder config",
            both,
            unsealed(lambda f: save_embedder(Embedder(CONFIG), f)),
            load_embedder,
        ),
        Parser(
            "scorer config", both, unsealed(lambda f: save_scorer(Scorer(SCORER), f)), load_scorer
        ),
        Parser(
            "sorter config",
            both,
            unsealed(lambda f: save_sorter(build_sorter("grus"), f, "grus")),
            load_sorter,
        ),
        Parser("detector config", ("config.json",), unsealed(write_detector), read_detector),
        Parser("CLIP folder", both, unsealed(write_clip), load_clip),
        Parser("text encoder folder", both, unsealed(write_text), load_text_encoder),
        Parser("two towers folder", both, unsealed(write_two_towers), load_two_towers),
        Parser("two towers of words", both, unsealed(write_towers_of_words), load_two_towers),
        *vectors(),
        Parser("run: results, recipe", both, unsealed(write_run), read_run),
        Parser(
            "embedder weights",
            ("*.safetensors",),
            unsealed(lambda f: save_embedder(Embedder(CONFIG), f)),
            load_embedder,
        ),
        Parser("pickled weights", (), write_pickle, read_pickle),
    ]
