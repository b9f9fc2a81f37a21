"""What cannot be trained is refused before weights are looked for; one's own models are starts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo.data.dataset import ImageDataset
from zoo.data.samplers import Sampler
from zoo.errors import DataError, UsageError
from zoo.models import Embedder, load_embedder, save_embedder
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.own_images import OWN, fitted, own_recipe
from zoo.recipes.recipe import Batch, LossTerm, Network
from zoo.sorters.store import build_sorter, save_sorter
from zoo.training.checks import check_batches, check_start
from zoo.training.loader import build_sampler
from zoo.training.setup import embedder_of

# (classes, images a class, super-classes)
SHAPES = [(2, 2, 1), (3, 4, 1), (5, 3, 2), (6, 4, 3), (12, 7, 4), (40, 2, 2)]
KINDS = ("per_class", "every_image", "fresh", "hierarchical")


def labels_of(classes: int, images: int, supers: int) -> torch.Tensor:
    finest = torch.arange(classes).repeat_interleave(images)
    return torch.stack([finest, finest % supers], 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("per_class", [1, 2, 3, 4])
def test_every_batch_of_every_sampler_has_two_classes_of_two_images_or_is_refused(
    shape: tuple[int, int, int], kind: str, size: int, per_class: int
) -> None:
    labels = labels_of(*shape)
    batch = Batch(size, per_class, sampler=kind)  # type: ignore[arg-type]
    try:
        sampler: Sampler = build_sampler(batch, labels, seed=3)
    except (UsageError, DataError):
        return
    for items in sampler.batches(0):
        _, counts = torch.unique(labels[items, 0], return_counts=True)
        assert len(items) == size
        assert len(counts) >= 2
        assert counts.min() >= 2


def test_samplers_do_find_batches_in_what_is_large_enough() -> None:
    labels = labels_of(12, 7, 4)
    for kind in KINDS:
        found = build_sampler(Batch(8, 2, sampler=kind), labels, 0)  # type: ignore[arg-type]
        assert sum(1 for _ in found.batches(0)) == found.length(0) > 0


@pytest.mark.parametrize("classes", [2, 3, 5, 9, 40])
@pytest.mark.parametrize("size", [4, 5, 7, 8, 10, 12, 31, 64, 128])
def test_a_batch_of_ones_own_size_has_two_classes_of_two_and_never_grows(
    classes: int, size: int
) -> None:
    batch = fitted(override(own_recipe("m"), "batch.size", str(size)), classes).batch
    assert batch.size <= size
    assert batch.size % batch.per_class == 0
    assert 2 <= batch.size // batch.per_class <= classes
    assert batch.per_class >= 2


@pytest.mark.parametrize("size", [1, 2, 3])
def test_fewer_than_two_pairs_are_refused_in_ones_own_words(size: int) -> None:
    with pytest.raises(UsageError, match=f"a batch of {size} cannot hold") as caught:
        fitted(override(own_recipe("m"), "batch.size", str(size)), 5)
    assert caught.value.hint == "--batch-size 4"


def test_arithmetic_is_told_with_the_size_that_would_do(recipe: Recipe) -> None:
    labels = labels_of(6, 4, 1)
    with pytest.raises(UsageError, match="10 is no whole number of classes of 4") as caught:
        build_sampler(Batch(10, 4), labels, 0)
    assert "--batch-size 8" in caught.value.hint
    with pytest.raises(UsageError, match="holds one class") as caught:
        build_sampler(Batch(4, 4), labels, 0)
    assert "--batch-size 8" in caught.value.hint


def test_a_loss_that_wants_more_than_a_batch_is_met_before_any_weights(
    recipe: Recipe, dataset: ImageDataset
) -> None:
    check_batches(recipe, dataset, 0)
    with pytest.raises(UsageError, match="ks is"):
        check_batches(replace(recipe, loss=LossTerm("recall_at_k")), dataset, 0)
    check_batches(replace(recipe, loss=LossTerm("recall_at_k", {"ks": [1, 2]})), dataset, 0)


def test_a_recipe_or_a_model_of_another_task_is_no_backbone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="recipe of a detector, not a backbone") as caught:
        check_start("coco-retinanet-r50-ap")
    assert "rankzoo train coco-retinanet-r50-ap" in caught.value.hint
    with pytest.raises(UsageError, match="is a text encoder"):
        check_start("all-minilm-l6-v2")
    save_sorter(build_sorter("grus"), tmp_path, "grus")
    with pytest.raises(UsageError, match="is a sorter"):
        check_start(str(tmp_path))
    for name in ("emoji-sup_hap", "efficientnet_lite0", "timm/resnet18.a1_in1k"):
        check_start(name)


@pytest.fixture
def start(network: Callable[..., Embedder], tmp_path: Path) -> Path:
    """A model with a head of its own, cut off at a level."""
    model = network(pooling="gem", layer_norm="affine", dim=6, depth=3)
    save_embedder(model, tmp_path / "start")
    return tmp_path / "start"


def own(**network: object) -> Recipe:
    return replace(own_recipe("start"), name=OWN, network=Network("start", **network))  # type: ignore[arg-type]


def test_a_trained_model_goes_on_with_its_pooling_depth_and_head(start: Path) -> None:
    model, before = embedder_of(own(), start, seed=9), load_embedder(start)
    assert model.config == before.config
    ours, theirs = model.state_dict(), before.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_changed_head_is_new_and_said_the_backbone_is_kept(
    start: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rankzoo")
    model, before = embedder_of(own(dim=4), start), load_embedder(start)
    assert (model.config.dim, model.config.depth, model.config.pooling) == (4, 3, "gem")
    ours, theirs = model.backbone.state_dict(), before.backbone.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert "new head (dim: 6 -> 4)" in caplog.text
    plain = embedder_of(own(keep_head=False, pooling="avg", depth=3), start)
    assert (plain.config.dim, plain.config.layer_norm) == (None, "none")


def test_what_was_cut_off_cannot_come_back(start: Path) -> None:
    with pytest.raises(UsageError, match="the start ends at level 3"):
        embedder_of(own(depth=4), start)
    with pytest.raises(UsageError, match="the start ends at level 3"):
        embedder_of(own(keep_head=False, pooling="avg"), start)


def test_the_kept_head_is_written_in_the_models_configuration(start: Path, tmp_path: Path) -> None:
    save_embedder(embedder_of(own(), start), tmp_path / "next")
    config = json.loads((tmp_path / "next/config.json").read_text())
    assert config["embedder"]["depth"] == 3
