"""Both towers are trained: gradients, captions that say the same, runs that go on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import zoo
from tests.models.tiny_clip import tiny_clip
from tests.models.tiny_text import tiny_text
from zoo.data.dataset import ImageDataset
from zoo.errors import DataError, UsageError
from zoo.losses.pairs import PAIR_LOSSES, apart
from zoo.models import Embedder, EmbedderConfig
from zoo.models.clip import Clip, load_clip
from zoo.models.two_towers import TwoTowers
from zoo.recipes import Recipe
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Batch, Captions, LossTerm, Network, Optimiser
from zoo.training.loop import train
from zoo.training.setup import clip_of
from zoo.training.towers import Captioned


@pytest.fixture
def captioned(dataset: ImageDataset) -> ImageDataset:
    """Every image names its class; half of them in two ways; the last copies are for testing."""
    words = ("red", "green", "blue", "heart", "square", "dog", "cat", "face", "photo", "of")
    classes = dict(zip(dataset.label_names[0], words, strict=False))
    items = []
    for place, item in enumerate(dataset.items):
        word = classes[item.labels[0]]
        texts = (f"a {word}", f"the  {word.upper()}")[: 1 + place % 2]
        split = "test" if place % 4 == 3 else "train"
        items.append(replace(item, captions=texts, split=split))
    return replace(dataset, items=tuple(items))


@pytest.fixture
def recipe_of_pairs(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        network=Network("clip"),
        captions=Captions(encoder="backbone"),
        batch=Batch(8, sampler="shuffled", chunk=None),
        loss=LossTerm("info_nce"),
    )


def clip(folder: Path) -> Clip:
    return load_clip(tiny_clip(folder)).eval()


def weights(run: Path) -> dict[str, torch.Tensor]:
    return zoo.load(str(run)).state_dict()


def test_both_towers_move_and_come_back_under_one_name(
    captioned: ImageDataset, recipe_of_pairs: Recipe, tmp_path: Path
) -> None:
    model = clip(tmp_path / "clip")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    done = train(recipe_of_pairs, captioned, model, tmp_path / "run")
    after = weights(tmp_path / "run")
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert any("vision_model" in name for name in moved)
    assert any("text_model" in name for name in moved)
    assert "rsum" in done.metrics


def test_two_passes_make_the_update_of_one(
    captioned: ImageDataset, recipe_of_pairs: Recipe, tmp_path: Path
) -> None:
    found = []
    for chunk in (None, 3):
        batch = replace(recipe_of_pairs.batch, chunk=chunk)
        recipe = replace(recipe_of_pairs, batch=batch, optimiser=Optimiser("sgd", lr=0.01))
        train(recipe, captioned, clip(tmp_path / f"clip{chunk}"), tmp_path / f"run{chunk}")
        found.append(weights(tmp_path / f"run{chunk}"))
    for name, tensor in found[0].items():
        torch.testing.assert_close(found[1][name], tensor, rtol=1e-3, atol=1e-5)


def test_an_image_network_and_a_text_encoder_are_trained_together(
    captioned: ImageDataset, recipe_of_pairs: Recipe, tmp_path: Path
) -> None:
    image = Embedder(EmbedderConfig("test_resnet", pooling="avg", dim=32).at_size(32, 32))
    model = TwoTowers(image, tiny_text())
    before = model.text.state_dict()["transformer.embeddings.word_embeddings.weight"].clone()
    captions = Captions(encoder="tiny", train=True)
    train(replace(recipe_of_pairs, captions=captions), captioned, model, tmp_path / "run")
    again = zoo.load(str(tmp_path / "run"))
    assert isinstance(again, TwoTowers)
    after = again.text.state_dict()["transformer.embeddings.word_embeddings.weight"]
    assert not torch.equal(after, before)


def test_a_frozen_tower_stays(
    captioned: ImageDataset, recipe_of_pairs: Recipe, tmp_path: Path
) -> None:
    network = Network(str(tiny_clip(tmp_path / "clip")), frozen=("vision_model",))
    recipe = replace(recipe_of_pairs, network=network)
    model = clip_of(recipe, tmp_path / "clip")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(recipe, captioned, model, tmp_path / "run")
    after = weights(tmp_path / "run")
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert not any("vision_model" in name for name in moved)


def test_captions_are_chosen_by_seed_and_step_and_all_have_their_turn(
    captioned: ImageDataset,
) -> None:
    captions = Captioned(captioned)
    items = torch.arange(len(captioned))
    again = captions.chosen(items, seed=0, step=5)
    assert torch.equal(captions.chosen(items, seed=0, step=5), again)
    seen = {int(c) for step in range(30) for c in captions.chosen(items, 0, step)}
    assert len(seen) == len(captions.texts)
    for place, item in zip(again.tolist(), captioned.items, strict=True):
        assert captions.texts[place] in item.captions


def test_captions_that_say_the_same_are_one_kind(captioned: ImageDataset) -> None:
    captions = Captioned(captioned)
    spelled = {" ".join(text.lower().split()) for text in captions.texts}
    assert len(set(captions.kinds.tolist())) == len(spelled) < len(captions.texts)


@pytest.mark.parametrize("name", [n for n in PAIR_LOSSES if n != "sodeep_recall"])
def test_an_equal_caption_pushes_nothing_away(name: str) -> None:
    options = {"ks": (1, 2)} if name == "pair_recall_at_k" else {}
    scores = torch.rand(5, 5, requires_grad=True)
    PAIR_LOSSES[name](**options)(apart(scores, torch.tensor([0, 0, 1, 2, 3]))).backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == scores.grad[1, 0] == 0
    assert scores.grad.isfinite().all()


def test_an_image_without_caption_is_named(captioned: ImageDataset) -> None:
    bare = replace(captioned.items[5], captions=())
    items = (*captioned.items[:5], bare, *captioned.items[6:])
    with pytest.raises(DataError, match=bare.path.name):
        Captioned(replace(captioned, items=items))


def test_clip_is_not_trained_on_labels_nor_with_another_head(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path)
    with pytest.raises(UsageError, match="text tower of its own"):
        clip_of(own_recipe(str(folder)), folder)
    recipe = own_recipe(str(folder), "info_nce")
    with pytest.raises(UsageError, match=r"network.size=64"):
        clip_of(replace(recipe, network=replace(recipe.network, size=64)), folder)
