"""Text for image models that were trained against a text encoder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.words import encoder_of
from zoo.errors import UnavailableError
from zoo.files import write_json
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.recipes import RECIPES
from zoo.recipes.values import to_json
from zoo.serve.encoder import Encoder
from zoo.serve.words import words_of


class Words(nn.Module):
    """Reads text, and nothing else."""

    dim = 3

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "text 3"]:
        return torch.eye(3)[: len(texts)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run against captions leaves."""
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path)
    write_json(tmp_path / "recipe.json", to_json(RECIPES["emoji-captions"]))
    return tmp_path


def test_the_recipe_of_a_run_names_its_text_encoder(run: Path) -> None:
    assert encoder_of(run) == "all-minilm-l6-v2"
    asked: list[str] = []

    def load(name: str) -> nn.Module:
        asked.append(name)
        return Words()

    assert isinstance(words_of(str(run), load, offline=True), Words)
    assert asked == ["all-minilm-l6-v2"]


def test_other_recipes_name_none(tmp_path: Path) -> None:
    assert encoder_of(tmp_path) == ""
    for value in (to_json(RECIPES["emoji-recall_at_k"]), {"sorter": "grus"}):
        write_json(tmp_path / "recipe.json", value)
        assert encoder_of(tmp_path) == ""


def test_an_encoder_that_cannot_be_loaded_leaves_the_pictures(run: Path) -> None:
    def load(name: str) -> nn.Module:
        raise UnavailableError(f"no model {name}")

    assert words_of(str(run), load, offline=True) is None


def test_words_are_read_by_the_encoder_given_for_them(
    colour_model: Callable[..., nn.Module],
) -> None:
    encoder = Encoder(colour_model(), "colours", Words())
    assert encoder.reads
    assert encoder.embed_texts(["a"])[0].tolist() == [1, 0, 0]
