"""DSVE-Loc's towers trained end to end: WELDON maps, simple recurrent units over fixed vectors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.models.tiny_words import as_text, tiny_words
from zoo.data.dataset import ImageDataset, read_dataset
from zoo.errors import DataError, UsageError
from zoo.models import Embedder, EmbedderConfig
from zoo.models.two_towers import TwoTowers, load_two_towers
from zoo.recipes import Recipe
from zoo.recipes.captions import TRIPLET
from zoo.recipes.changes import override
from zoo.recipes.recipe import Captions, LossTerm
from zoo.training.checks import check_towers
from zoo.training.loader import build_sampler, training_part
from zoo.training.loop import train
from zoo.training.optimise import set_modes

COLOURS = ("red", "green", "blue", "heart", "square", "dog", "cat", "face", "a red", "the blue")


@pytest.fixture
def pairs(photos: Path, tmp_path: Path) -> ImageDataset:
    """Every image says its class, half of them twice; the last of each class is for testing."""
    rows = []
    for place, path in enumerate(sorted(photos.rglob("*.png"))):
        word = COLOURS[place // 4]
        texts = [f"a {word}", f"the {word} of a face"][: 1 + place % 2]
        split = "test" if place % 4 == 3 else "train"
        rows.append({"path": str(path), "captions": texts, "split": split})
    manifest = tmp_path / "pairs.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_dataset(manifest, require_labels=False)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(as_text())
    return path


@pytest.fixture
def small(vectors: Path) -> Recipe:
    """The paper's recipe with a batch of eight, on a tiny network."""
    recipe = TRIPLET
    for key, value in {
        "captions.vectors": json.dumps(str(vectors)),
        "network.size": "24",
        "network.maps": "12",
        "network.dim": "16",
        "network.frozen": '["conv1", "layer1"]',
        "augmentation.size": "24",
        "batch.size": "8",
        "schedule.steps": "18",
        "schedule.frozen_epochs": "3",
    }.items():
        recipe = override(recipe, key, value)
    return recipe


@pytest.fixture
def towers() -> TwoTowers:
    torch.manual_seed(7)
    config = EmbedderConfig("test_resnet", pooling="weldon", maps=12, dropout=0.5, dim=16)
    return TwoTowers(Embedder(config.at_size(24)), tiny_words(16))


def test_an_epoch_of_pairs_shows_every_caption_once_with_its_image(
    pairs: ImageDataset, small: Recipe
) -> None:
    part = training_part(small, pairs)
    own = {(item.path, text) for item in pairs.split("train").items for text in item.captions}
    assert len(part) == len(own) == 40
    sampler = build_sampler(small.batch, part.label_ids, seed=0)
    items = [part.items[int(n)] for batch in sampler.batches(0) for n in batch]
    assert {(item.path, *item.captions) for item in items} == own
    assert sampler.length(0) == 5


def test_pairs_without_captions_are_refused(pairs: ImageDataset, small: Recipe) -> None:
    with pytest.raises(UsageError, match=r"batch.sampler=pairs"):
        training_part(replace(small, captions=None), pairs)


def test_an_image_without_caption_is_named(
    pairs: ImageDataset, small: Recipe, towers: TwoTowers, tmp_path: Path
) -> None:
    items = (replace(pairs.items[0], captions=()), *pairs.items[1:])
    with pytest.raises(DataError, match=r"0.png: the image has no caption"):
        train(small, replace(pairs, items=items), towers, tmp_path / "run")


def test_each_part_rests_as_long_as_the_paper_says(small: Recipe, towers: TwoTowers) -> None:
    def training() -> set[str]:
        return {name for name, p in towers.named_parameters() if p.requires_grad}

    def named(*starts: str) -> set[str]:
        return {name for name, _ in towers.named_parameters() if name.startswith(starts)}

    head = named("image.maps", "image.head")
    frozen = named("image.backbone.conv1.", "image.backbone.layer1.")
    assert head
    assert frozen
    for epoch, expected in (
        (0, head),
        (1, head),
        (2, head | named("text.")),
        (3, named("image.", "text.") - frozen),
    ):
        set_modes(towers, small, epoch)
        assert training() == expected


def test_both_towers_learn_and_the_vectors_stay(
    pairs: ImageDataset, small: Recipe, towers: TwoTowers, tmp_path: Path
) -> None:
    before = {name: tensor.clone() for name, tensor in towers.state_dict().items()}
    train(small, pairs, towers, tmp_path / "run")
    after = load_two_towers(tmp_path / "run").state_dict()
    still = {name for name in after if torch.equal(after[name], before[name])}
    assert "text.table" in still
    weights = {name for name in still if name.endswith("weight")}
    assert {name.split(".")[2] for name in weights} == {"conv1", "layer1"}


def test_vectors_that_know_no_word_of_the_captions_are_refused(
    pairs: ImageDataset, small: Recipe, towers: TwoTowers, tmp_path: Path
) -> None:
    foreign = [replace(item, captions=("ein rotes Herz",)) for item in pairs.items]
    with pytest.raises(DataError, match="no word of the captions has a vector"):
        train(small, replace(pairs, items=tuple(foreign)), towers, tmp_path / "run")


@pytest.mark.parametrize(
    ("captions", "kind", "said"),
    [
        (Captions("sru"), UsageError, "reads vectors of words"),
        (Captions("sru", vectors="none.txt"), DataError, "none.txt: there are no word vectors"),
        (Captions(vectors="none.txt"), UsageError, "reads no word vectors"),
        (Captions(most_words=9), UsageError, "reads no word vectors"),
        (Captions(frozen_epochs=1), UsageError, "is not trained apart"),
        (Captions("backbone", frozen_epochs=1), UsageError, "is not trained apart"),
        (Captions("sru", vectors=__file__, layers=0), UsageError, "0 layers"),
        (Captions("sru", vectors=__file__, most_words=0), UsageError, "no word is kept"),
    ],
)
def test_what_a_text_tower_cannot_be_is_said_before_any_weights(
    captions: Captions, kind: type[Exception], said: str, recipe: Recipe
) -> None:
    with pytest.raises(kind, match=said):
        check_towers(replace(recipe, loss=LossTerm("info_nce"), captions=captions))


def test_the_command_of_a_recipe_names_the_vectors_it_needs(small: Recipe) -> None:
    assert TRIPLET.command.endswith(" --set captions.vectors=vectors.txt")
    assert "vectors" not in small.command
