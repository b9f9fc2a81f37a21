"""Batches of scored images: functions of seed and step, each image once an epoch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.data.scored import ScoredSet
from zoo.errors import DataError, UsageError
from zoo.models.scorer import Scorer, ScorerConfig
from zoo.recipes import ScoreRecipe, recipes_of
from zoo.recipes.recipe import Schedule
from zoo.recipes.scores import ScoreBatch
from zoo.runs.options import RunOptions
from zoo.training import score_loader
from zoo.training.score_loader import ScoreLoader, check_batch, digest_of

RECIPES = recipes_of(ScoreRecipe)
LABELS, VALUE = RECIPES["scenes-sodeep"], RECIPES["coverage-sodeep"]
PATHS = tuple(Path(f"photos/{n}.png") for n in range(10))
IGNORED = torch.arange(10)[:, None] % 3 == 0
VALUES = ScoredSet(PATHS, ("light",), 500 + 3 * torch.arange(10.0)[:, None], IGNORED)
Make = Callable[..., ScoreLoader]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a loader of ten images, four a batch, whose inputs are their places."""

    def places(*_: object) -> Callable[..., object]:
        return lambda plans: (rows.clone() for rows, _ in plans)

    monkeypatch.setattr(score_loader, "_inputs", places)
    model = Scorer(ScorerConfig("test_resnet", Preprocessing(size=32, resize=32), ("light",)))

    def build(recipe: ScoreRecipe, seed: int = 0, **schedule: object) -> ScoreLoader:
        chosen = replace(recipe, batch=ScoreBatch(4), schedule=Schedule(**schedule))  # type: ignore[arg-type]
        return ScoreLoader(chosen, VALUES, model, RunOptions(seed=seed))

    return build


def rows(loader: ScoreLoader, first: int = 0) -> list[list[int]]:
    return [places.tolist() for places, _, _ in loader.batches(first)]


def test_an_epoch_shows_each_image_at_most_once_and_every_epoch_is_another(make: Make) -> None:
    loader = make(VALUE, epochs=3)
    found = rows(loader)
    assert (loader.steps_per_epoch, loader.steps, len(found)) == (2, 6, 6)
    epochs = [found[start] + found[start + 1] for start in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_run_that_goes_on_has_the_batches_that_were_left(make: Make) -> None:
    whole = rows(make(VALUE, epochs=3))
    for first in range(7):
        assert rows(make(VALUE, epochs=3), first) == whole[first:]
    assert rows(make(VALUE, seed=1, epochs=3)) != whole


def test_steps_come_before_epochs(make: Make) -> None:
    assert make(VALUE, epochs=3, steps=5).steps == 5
    assert rows(make(VALUE, epochs=3, steps=5)) == rows(make(VALUE, epochs=3))[:5]


def test_a_schedule_that_contradicts_itself_is_refused(make: Make) -> None:
    with pytest.raises(UsageError, match="schedule.per=epoch needs schedule.epochs"):
        make(VALUE, epochs=3, steps=5, per="epoch")


def test_a_warm_up_longer_than_the_run_is_refused(make: Make) -> None:
    assert make(VALUE, epochs=3, warmup_steps=6).steps == 6
    with pytest.raises(UsageError, match="schedule.warmup_steps=7: the run has 6 updates"):
        make(VALUE, epochs=3, warmup_steps=7)


def test_values_are_standardised_and_labels_are_not(make: Make) -> None:
    loader = make(VALUE, epochs=1)
    assert float(loader.targets.mean()) == pytest.approx(0, abs=1e-5)
    assert float(loader.targets.std()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(loader.targets * loader.deviation + loader.mean, VALUES.targets)
    assert torch.equal(make(LABELS, epochs=1).targets, VALUES.targets)


def test_targets_and_what_to_ignore_are_those_of_the_images(make: Make) -> None:
    for places, targets, ignored in make(LABELS, epochs=2).batches(0):
        assert torch.equal(targets, VALUES.targets[places])
        assert torch.equal(ignored, IGNORED[places])


def test_the_same_images_in_another_folder_are_the_same_data() -> None:
    moved = replace(VALUES, paths=tuple(Path("elsewhere") / path.name for path in PATHS))
    assert digest_of(moved) == digest_of(VALUES)
    others = (
        replace(VALUES, paths=PATHS[::-1]),
        replace(VALUES, targets=VALUES.targets + 1),
        replace(VALUES, paths=(Path("x.png"), *PATHS[1:])),
    )
    assert len({digest_of(each) for each in (VALUES, *others)}) == 4


@pytest.mark.parametrize(
    ("size", "error", "told"),
    [(1, UsageError, "batch.size=1"), (11, DataError, "10 images cannot fill a batch of 11")],
)
def test_a_batch_without_ranks_or_with_too_few_images_is_refused(
    size: int, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        check_batch(replace(VALUE, batch=ScoreBatch(size)), VALUES)
    for enough in (2, 10):
        check_batch(replace(VALUE, batch=ScoreBatch(enough)), VALUES)
