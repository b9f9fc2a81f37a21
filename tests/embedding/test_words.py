"""A run that was trained on captions knows its text tower, wherever it is loaded."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import zoo
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.words import Words, encoder_of
from zoo.errors import UnavailableError, UsageError
from zoo.evaluation.options import EvalOptions
from zoo.evaluation.session import evaluate_embedders
from zoo.files import write_json
from zoo.index import Index
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.recipes import RECIPES, Recipe
from zoo.recipes.values import to_json
from zoo.search.asking import ask
from zoo.search.options import SearchOptions

COLOURS = {"red wall": (250, 0, 0), "green wall": (0, 250, 0), "blue wall": (0, 0, 250)}


class Encoder(torch.nn.Module):
    """Embeds a text that names a colour as that colour's image is embedded."""

    def __init__(self, vectors: torch.Tensor) -> None:
        super().__init__()
        self.vectors = dict(zip(COLOURS, vectors, strict=True))

    def embed_texts(self, texts: list[str], batch_size: int = 64) -> torch.Tensor:
        return torch.stack([self.vectors[text] for text in texts])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rows = []
    for name, colour in COLOURS.items():
        Image.new("RGB", (32, 32), colour).save(tmp_path / f"{name}.png")
        rows.append({"path": f"{name}.png", "caption": name, "split": "test"})
    (tmp_path / "photos.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "photos.jsonl"


@pytest.fixture
def run(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder whose recipe names an encoder, and its best weights inside."""
    torch.manual_seed(0)
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    model = build_embedder(config)
    files = [photos.parent / f"{name}.png" for name in COLOURS]
    encoder = Encoder(model.eval().embed_images(files))
    for folder in (tmp_path / "run", tmp_path / "run" / "best"):
        folder.mkdir()
        save_embedder(model, folder)
    monkeypatch.setattr(
        "zoo.embedding.words.encoder_of",
        lambda folder: "toy" if folder in (tmp_path / "run", tmp_path / "run" / "best") else "",
    )
    monkeypatch.setattr("zoo.evaluation.subject.encoder_of", lambda _: "toy")
    known: Any = zoo.load

    def load(name: str, **options: Any) -> Any:
        return encoder if name == "toy" else known(name, **options)

    monkeypatch.setattr("zoo.tasks.load", load)
    monkeypatch.setattr("zoo.evaluation.subject.load", load)
    return tmp_path / "run"


def test_words_search_images_and_captions_are_indexed_with_one_folder(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    model = zoo.load(str(run))
    index = Index.build(str(tmp_path / "idx"), model, photos)
    answers = ask(index, model, ["blue wall", "red wall"], SearchOptions(k=1))
    assert [answer.hits[0].path.name for answer in answers] == ["blue wall.png", "red wall.png"]
    captions = Index.build(tmp_path / "captions", model, str(photos), modality="captions")
    (answer,) = ask(captions, zoo.load(str(run / "best")), photos.parent / "green wall.png")
    assert answer.hits[0].record.caption == "green wall"


def test_captions_are_measured_without_naming_the_encoder(run: Path, tmp_path: Path) -> None:
    entries = [
        {"filename": f"{name}.png", "split": "test", "sentences": [{"raw": name}]}
        for name in COLOURS
    ]
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": entries}))
    found = evaluate_embedders([str(run)], EvalOptions(tmp_path, "coco-5k")).final
    assert found.metrics["rsum"] == 600


def test_the_recipe_of_a_run_speaks_for_its_best_weights(tmp_path: Path) -> None:
    recipe = next(r for r in RECIPES.values() if isinstance(r, Recipe) and r.captions)
    assert recipe.captions is not None
    named = replace(recipe, captions=replace(recipe.captions, encoder="some-encoder"))
    write_json(tmp_path / "recipe.json", to_json(named))
    (tmp_path / "best").mkdir()
    (tmp_path / "other").mkdir()
    assert encoder_of(tmp_path) == encoder_of(tmp_path / "best") == "some-encoder"
    assert encoder_of(tmp_path / "other") == ""
    (tmp_path / "recipe.json").write_text("{")
    assert encoder_of(tmp_path) == ""


def test_an_encoder_that_is_gone_is_said_when_words_are_asked_for() -> None:
    def load(name: str) -> torch.nn.Module:
        raise UnavailableError(f"{name} is gone")

    words = Words("toy", load)
    with pytest.raises(UnavailableError, match="toy is gone"):
        words(["a"])
    with pytest.raises(UsageError, match="cannot read text"):
        Words("toy", lambda _: torch.nn.Identity())(["a"])
