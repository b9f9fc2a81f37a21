"""Training on the pretended accelerator: each kind of update gives the CPU's weights."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.accelerator import accelerator, assert_updated_alike, on_cpu, same_on_both
from zoo.data.dataset import ImageDataset
from zoo.data.preprocessing import Preprocessing
from zoo.data.scored import ScoredSet
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import Embedder
from zoo.models.scorer import Scorer, ScorerConfig
from zoo.recipes import Recipe, SorterRecipe, recipes_of, scenes
from zoo.recipes.find import overridden
from zoo.recipes.recipe import Augmentation, Batch, Captions, LossTerm, Network
from zoo.recipes.scores import ScoreRecipe
from zoo.runs.options import RunOptions
from zoo.training.augment import coloured, crop_boxes, cropped, draws_of_step
from zoo.training.captions import CaptionObjective, CaptionTable
from zoo.training.distributed import World
from zoo.training.loader import Loader
from zoo.training.loop import build_objective, train
from zoo.training.scores import fit_scores
from zoo.training.sorters import SorterTrainer
from zoo.training.trainer import Trainer

AUGMENTATIONS = {
    "crop and flip": Augmentation(flip=0.5),
    "crop that fits": Augmentation(scale=(0.08, 1.0), attempts=10),
    "window": Augmentation(window=0.9),
    "colour": Augmentation(colour=0.4),
    "grey": Augmentation(grey=0.5),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmented_batch_is_the_cpus(name: str) -> None:
    augmentation = AUGMENTATIONS[name]

    def augmented(images: Tensor, draws: Tensor, aspect: Tensor) -> Tensor:
        boxes = crop_boxes(draws, aspect, augmentation)
        return coloured(cropped(images, boxes, 8), draws, augmentation, Preprocessing())

    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    draws = draws_of_step(6, 0, 0, augmentation.attempts)
    same_on_both(augmented, images, draws, torch.rand(6) + 0.5)


KINDS: dict[str, list[str]] = {
    "one pass": ["batch.chunk=null"],
    "two passes": [],
    "an average": ["optimiser.ema=0.9"],
    "bfloat16": ["engine.precision=bfloat16"],
    "float16": ["engine.precision=float16"],
    "channels last": ["engine.channels_last=true"],
    "batch norm that trains": ["network.batch_norm=train"],
    "clipped": ["optimiser.clip_norm=0.1"],
    "a memory": ["memory=20"],
    "SiMix": ["batch.simix=true"],
    "a window and no colour": ["augmentation.window=0.9", "augmentation.colour=0"],
    "SGD": ["optimiser.name=sgd"],
    "blackbox with its memory": ["loss.name=blackbox_ap", 'loss.options={"memory": 2}'],
    "SiMix, a memory, float16": ["batch.simix=true", "memory=20", "engine.precision=float16"],
}
# Two updates at the rates of the recipes here, .001 for a weight, there or back.
REACH = 4e-3
Build = Callable[..., Embedder]
State = Mapping[str, Tensor]


def updated(
    device: str, recipe: Recipe, dataset: ImageDataset, model: Embedder, objective: nn.Module
) -> State:
    """Make two updates; return what a checkpoint would hold of the networks."""
    shape = model.config.preprocessing
    loader = Loader(recipe, dataset, shape, World(), RunOptions(seed=3))
    trainer = Trainer(model, loader, objective, torch.device(device))
    for step, batch in zip((1, 2), loader.batches(), strict=False):
        trainer.update(step, batch)
    state = {**model.state_dict(), **trainer.judged.state_dict(prefix="judged.")}
    assert {tensor.device.type for tensor in state.values()} == {device}
    found: State = on_cpu({**state, **objective.state_dict()})
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_of(kind: str, recipe: Recipe, dataset: ImageDataset, network: Build) -> None:
    changed = overridden(recipe, KINDS[kind])
    if kind == "clipped":  # with class proxies and their own optimiser too
        changed = replace(changed, extra_loss=LossTerm("cluster_proxy", weight=0.1))

    def after(device: str) -> State:
        model = network()
        objective = build_objective(changed, dataset, World(), model.dim, None)
        return updated(device, changed, dataset, model, objective)

    expected = after("cpu")
    # Apple's MPS has no float64; torch's scaler of float16 knows that by the device's name.
    with accelerator(doubles="float16" in kind) as device:
        assert_updated_alike(after(device), expected, REACH)


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_an_update_against_captions(
    loss: str, recipe: Recipe, dataset: ImageDataset, network: Build
) -> None:
    changed = replace(
        recipe,
        network=Network("test_resnet", dim=16),
        captions=Captions(),
        batch=Batch(20, sampler="shuffled", chunk=7),
        loss=LossTerm(loss),
    )
    vectors = nn.functional.normalize(torch.randn(80, 16), dim=1)
    table = CaptionTable(vectors, torch.arange(0, 80, 2), torch.full((40,), 2))

    def after(device: str) -> State:
        objective = CaptionObjective(changed, World(), table, 16)
        return updated(device, changed, dataset, network(dim=16), objective)

    expected = after("cpu")
    with accelerator() as device:
        assert_updated_alike(after(device), expected, REACH)


def test_a_checkpoint_moves_from_the_device_to_the_cpu_and_back(
    recipe: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    changed = overridden(recipe, ["memory=20", "optimiser.ema=0.9"])

    def trainer(device: str) -> Trainer:
        model = network()
        shape = model.config.preprocessing
        loader = Loader(changed, dataset, shape, World(), RunOptions(seed=3))
        objective = build_objective(changed, dataset, World(), model.dim, None)
        return Trainer(model, loader, objective, torch.device(device))

    def moved(device: str, done: int, out: Path) -> State:
        there = trainer(device)
        assert there.restore(out) == done
        batch = next(there.loader.batches(done))
        there.update(done + 1, batch)
        there.save(out, done + 1)
        return on_cpu(there.judged.state_dict())  # type: ignore[no-any-return]

    stays, travels = tmp_path / "stays", tmp_path / "travels"
    for out in (stays, travels):
        moved("cpu", 0, out)
    expected = [moved("cpu", done, stays) for done in (1, 2)]
    with accelerator() as device:
        found = [moved(device, 1, travels)]
    found.append(moved("cpu", 2, travels))
    assert_updated_alike(found, expected, REACH)


def test_a_whole_run_with_its_evaluation(
    recipe: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    short = overridden(recipe, ["schedule.steps=3", "engine.evaluate_every=2"])
    expected = train(short, dataset, network(), tmp_path / "cpu")
    with accelerator(doubles=False) as device:
        found = train(short, dataset, network(), tmp_path / "device", device=device)
    # Rounding may swap two neighbours of a ranking.
    assert found.metrics == pytest.approx(expected.metrics, abs=0.01)


@pytest.mark.parametrize("whole", [True, False], ids=["whole network", "head"])
@pytest.mark.parametrize("plain", scenes.RECIPES, ids=lambda recipe: recipe.name)
def test_an_update_of_a_scorer(
    plain: ScoreRecipe, whole: bool, dataset: ImageDataset, tmp_path: Path
) -> None:
    recipe = overridden(
        plain,
        ["schedule.epochs=1", "batch.size=8", f"network.train_backbone={str(whole).lower()}"],
    )
    outputs = ("one", "two") if recipe.task == "labels" else ("one",)
    targets = torch.rand(len(dataset), len(outputs)).round()
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    scored = ScoredSet(tuple(dataset.paths), outputs, targets, ignored)

    def fitted(device: str) -> dict[str, float]:
        torch.manual_seed(0)
        shape = Preprocessing(size=32, resize=32)
        model = Scorer(ScorerConfig("test_resnet", shape, outputs, 8))
        out = tmp_path / device
        return fit_scores(recipe, (scored, scored), model, out, device=device).metrics

    expected = fitted("cpu")
    with accelerator() as device:
        assert fitted(device) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["grus", "cnn"])
def test_an_update_of_a_sorter(name: str) -> None:
    recipe = overridden(recipes_of(SorterRecipe)[f"sorter-{name}"], ["batch.size=8"])

    def after(device: str) -> State:
        trainer = SorterTrainer(recipe, 3, device)
        trainer.update(1)
        trainer.update(2)
        return on_cpu(trainer.sorter.state_dict())  # type: ignore[no-any-return]

    expected = after("cpu")
    with accelerator() as device:
        assert_updated_alike(after(device), expected, 4 * recipe.optimiser.lr)
