"""What a scorer's plan says of its data, and which parts of the scorer an update moves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.data.scored import ScoredSet
from zoo.errors import UsageError
from zoo.models.scorer import Scorer, ScorerConfig
from zoo.recipes import ScoreRecipe, recipes_of
from zoo.recipes.recipe import Schedule
from zoo.recipes.scores import ScoreBatch, ScoreNetwork, ScoreOptimiser
from zoo.runs.options import RunOptions
from zoo.training import score_loader
from zoo.training.optimise import batch_norms
from zoo.training.score_loader import ScoreLoader
from zoo.training.scorers import described, scorer_of
from zoo.training.scores import ScoreTrainer, restore_units

LABELS = recipes_of(ScoreRecipe)["scenes-bce"]
TARGETS = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]])
NONE = torch.zeros_like(TARGETS, dtype=torch.bool)
PATHS = tuple(Path(f"{n}.png") for n in range(4))
LABELLED = ScoredSet(PATHS, ("cat", "dog", "emu"), TARGETS, NONE)
Make = Callable[..., ScoreTrainer]


def test_labels_are_counted_image_by_image_and_values_told_by_their_range() -> None:
    assert described(LABELLED, "labels") == {
        "images_of_class": {"cat": 3, "dog": 1, "emu": 0},
        "images_without_class": 1,
    }
    valued = ScoredSet(PATHS, ("light",), torch.tensor([[4.0], [1], [2], [5]]), NONE[:, :1])
    told = {"value": "light", "lowest": 1.0, "mean": 3.0, "highest": 5.0}
    assert described(valued, "attribute") == told


def test_a_value_has_no_maps_to_score() -> None:
    valued = recipes_of(ScoreRecipe)["coverage-mse"]
    maps = replace(valued, network=replace(valued.network, pooling="wildcat"))
    with pytest.raises(UsageError, match="wildcat scores labels"):
        scorer_of(maps, ("light",))


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make the trainer of two epochs of two updates on images of noise."""
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(
        score_loader, "_inputs", lambda *_: lambda plans: (images[rows] for rows, _ in plans)
    )

    def build(frozen_epochs: int = 0, final_lr: float = 0.0, **network: object) -> ScoreTrainer:
        recipe = replace(
            LABELS,
            network=ScoreNetwork("test_resnet", **network),  # type: ignore[arg-type]
            batch=ScoreBatch(2),
            optimiser=ScoreOptimiser("sgd", lr=0.01, head_lr=5.0, weight_decay=0.0),
            schedule=Schedule(2, kind="cosine", frozen_epochs=frozen_epochs, final_lr=final_lr),
        )
        torch.manual_seed(0)
        shape = Preprocessing(size=32, resize=32)
        model = Scorer(ScorerConfig("test_resnet", shape, LABELLED.outputs))
        return ScoreTrainer(recipe, model, ScoreLoader(recipe, LABELLED, model, RunOptions()))

    return build


@pytest.mark.parametrize("mode", ["frozen", "train"])
def test_batch_norms_keep_their_statistics_unless_they_train(mode: str, make: Make) -> None:
    trainer = make(batch_norm=mode)
    norms = list(batch_norms(trainer.model))
    before = [norm.running_mean.clone() for norm in norms]  # type: ignore[operator]
    trainer.update(1, *next(trainer.loader.batches(0)))
    assert trainer.model.training
    assert norms
    for norm, mean in zip(norms, before, strict=True):
        assert norm.training == (mode == "train")
        assert torch.equal(norm.running_mean, mean) == (mode == "frozen")  # type: ignore[arg-type]


def test_the_backbone_rests_in_its_frozen_epochs_and_the_head_does_not(make: Make) -> None:
    trainer = make(frozen_epochs=1)
    model = trainer.model
    first = next(iter(model.backbone.parameters()))
    moved = []
    for step, batch in enumerate(trainer.loader.batches(0), start=1):
        before = [p.detach().clone() for p in (first, *model.head.parameters())]
        trainer.update(step, *batch)
        after = [first, *model.head.parameters()]
        moved.append([not torch.equal(a, b) for a, b in zip(after, before, strict=True)])
    assert [backbone for backbone, *_ in moved] == [False, False, True, True]
    assert all(all(head) for _, *head in moved)


def test_a_head_alone_is_all_that_is_optimised(make: Make) -> None:
    trainer = make(train_backbone=False)
    (group,) = trainer.optimiser.param_groups
    assert len(group["params"]) == len(list(trainer.model.head.parameters()))
    assert not any(p.requires_grad for p in trainer.model.backbone.parameters())


def test_rates_fall_along_the_schedule_the_heads_a_multiple_of_the_backbones(make: Make) -> None:
    trainer = make(final_lr=0.001)
    found = []
    for step, batch in enumerate(trainer.loader.batches(0), start=1):
        trainer.update(step, *batch)
        found.append([group["lr"] for group in trainer.optimiser.param_groups])
    oracle = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.05, 0.01)]
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(oracle, T_max=4, eta_min=0.001)
    for rates in found:
        assert rates == pytest.approx(falling.get_last_lr())
        oracle.step()
        falling.step()


def test_a_head_of_standardised_values_gives_them_in_their_unit_again(make: Make) -> None:
    model = make().model.eval()
    features = torch.randn(5, *model.head[-1].weight.shape[1:])  # type: ignore[index]
    mean, deviation = torch.tensor([1.0, -2, 500]), torch.tensor([0.5, 3, 20])
    with torch.no_grad():
        expected = model.head[-1](features) * deviation + mean
        restore_units(model, mean, deviation)
        torch.testing.assert_close(model.head[-1](features), expected)
