"""Training scores with ranks: labels and attributes, frozen or not, exactly resumable."""

import json
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.data.scored import ScoredSet
from zoo.errors import DataError, InterruptedRunError, UsageError
from zoo.evaluation.scores import score_images, score_metrics
from zoo.models.scorer import Scorer, ScorerConfig, load_scorer
from zoo.recipes import ScoreRecipe, recipes_of
from zoo.recipes.changes import override
from zoo.recipes.find import Choice, find_recipe
from zoo.recipes.own_scores import LOSSES, own_scores
from zoo.runs import interrupts
from zoo.runs.options import TrainOptions
from zoo.training import sorters
from zoo.training.score_loss import ScoreLoss
from zoo.training.scorers import plan, read_scored
from zoo.training.scores import fit_scores

RECIPES = recipes_of(ScoreRecipe)


def changed(recipe: ScoreRecipe, **values: object) -> ScoreRecipe:
    """Return a recipe with values changed, `__` for the dot of a key."""
    for key, value in values.items():
        recipe = override(recipe, key.replace("__", "."), json.dumps(value))
    return recipe


LABELS = changed(
    RECIPES["scenes-sodeep"],
    network__size=32,
    network__hidden=None,
    batch__size=8,
    schedule__epochs=4,
    engine__checkpoint_every=2,
)
VALUE = changed(
    RECIPES["coverage-sodeep"],
    network__size=32,
    network__hidden=16,
    batch__size=8,
    schedule__epochs=12,
)


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, ...]:
    """Twenty-four squares, the lighter the later."""
    paths = tuple(tmp_path / f"{i:02d}.png" for i in range(24))
    for i, path in enumerate(paths):
        PIL.Image.new("RGB", (40, 40), (i * 10, 128, 255 - i * 10)).save(path)
    return paths


@pytest.fixture
def labelled(images: tuple[Path, ...]) -> ScoredSet:
    """Dark or light, and something of both."""
    place = torch.arange(24)
    targets = torch.stack([place < 12, place >= 12, place % 2 == 0], 1).float()
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    ignored[::5, 2] = True
    return ScoredSet(images, ("dark", "light", "even"), targets, ignored)


@pytest.fixture
def valued(images: tuple[Path, ...]) -> ScoredSet:
    targets = 500 + 3 * torch.arange(24.0)[:, None]
    return ScoredSet(images, ("light",), targets, torch.zeros_like(targets, dtype=torch.bool))


def scorer(data: ScoredSet, recipe: ScoreRecipe) -> Scorer:
    torch.manual_seed(0)
    shape = Preprocessing(size=32, resize=32)
    return Scorer(ScorerConfig("test_resnet", shape, data.outputs, recipe.network.hidden))


def measured(model: Scorer, data: ScoredSet) -> dict[str, float]:
    return score_metrics(score_images(model.eval(), data), data, "labels")


def fit(recipe: ScoreRecipe, data: ScoredSet, out: Path, **options: object) -> dict[str, float]:
    model = scorer(data, recipe)
    return fit_scores(recipe, (data, data), model, out, **options).metrics  # type: ignore[arg-type]


@pytest.mark.parametrize("train_backbone", [False, True])
def test_a_stopped_run_resumes_to_the_same_weights(
    train_backbone: bool, labelled: ScoredSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = changed(LABELS, network__train_backbone=train_backbone)
    fit(recipe, labelled, tmp_path / "whole")

    class StopsAtFive(interrupts.Interrupts):
        steps = 0

        @property
        def raised(self) -> bool:
            self.steps += 1
            return self.steps >= 5  # asked once an update

        @raised.setter
        def raised(self, value: bool) -> None: ...

    with monkeypatch.context() as patch:
        patch.setattr("zoo.runs.lifecycle.Interrupts", StopsAtFive)
        with pytest.raises(InterruptedRunError, match="stopped after step"):
            fit(recipe, labelled, tmp_path / "cut")
    fit(recipe, labelled, tmp_path / "cut", resume=True)
    whole, cut = (load_scorer(tmp_path / name).state_dict() for name in ("whole", "cut"))
    assert all(whole[key].equal(cut[key]) for key in whole)


@pytest.mark.parametrize("rank_weight", [0.0, 1.0])
def test_labels_are_learned_with_and_without_the_rank_loss(
    rank_weight: float, labelled: ScoredSet, tmp_path: Path
) -> None:
    recipe = changed(LABELS, schedule__epochs=15, loss__rank_weight=rank_weight, optimiser__lr=1e-2)
    before = measured(scorer(labelled, recipe), labelled)
    start = scorer(labelled, recipe)
    result = fit_scores(recipe, (labelled, labelled), start, tmp_path / "run")
    assert result.before == before
    after = result.metrics
    assert after["voc_map_area"] > before["voc_map_area"] + 0.1
    assert after == measured(load_scorer(tmp_path / "run"), labelled)


@pytest.mark.parametrize("name", ["coverage-sodeep", "coverage-mse"])
def test_an_attribute_is_learned_by_rank_and_by_value(
    name: str, valued: ScoredSet, tmp_path: Path
) -> None:
    told = RECIPES[name].loss
    loss = replace(
        VALUE.loss,
        point=told.point,
        point_weight=told.point_weight,
        rank_weight=told.rank_weight,
    )
    recipe = changed(replace(VALUE, name=name, loss=loss), optimiser__lr=1e-2)
    assert fit(recipe, valued, tmp_path / "run")["spearman"] > 0.9
    model = load_scorer(tmp_path / "run")
    with torch.inference_mode():
        values = model.head(model.file_features(valued.paths))
    assert 400 < values.mean() < 700  # in the attribute's own units


@pytest.mark.parametrize("task", ["labels", "value"])
def test_every_loss_for_ones_own_scores_leads_to_better_ones(task: str) -> None:
    torch.manual_seed(0)
    labels = (torch.rand(16, 3) < 0.4).float()
    targets = labels if task == "labels" else torch.randn(16, 1)
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    for name in LOSSES[task]:
        recipe = own_scores(task, loss=name)
        if recipe.loss.rank_weight:  # the ranks alone must lead there too
            recipe = replace(recipe, loss=replace(recipe.loss, point_weight=0.0))
        loss, scores = ScoreLoss(recipe), torch.randn_like(targets).requires_grad_()
        first = loss(scores, targets, ignored, 1).item()
        optimiser = torch.optim.Adam([scores], 0.05)
        for _ in range(200):
            optimiser.zero_grad()
            value = loss(scores, targets, ignored, 1)
            value.backward()
            optimiser.step()
        assert value.item() < 0.7 * first, name


def test_difficult_labels_do_not_count(labelled: ScoredSet) -> None:
    loss = ScoreLoss(changed(LABELS, loss__rank_weight=0.0))
    scores = torch.zeros_like(labelled.targets)
    quiet = loss(scores, labelled.targets, labelled.ignored, 0)
    scores[labelled.ignored] = 50.0
    assert loss(scores, labelled.targets, labelled.ignored, 0) == quiet


def test_ranks_join_after_the_point_epochs(labelled: ScoredSet) -> None:
    recipe = changed(LABELS, loss__point_epochs=1)
    scores = torch.randn(24, 3)
    early, late = (ScoreLoss(recipe)(scores, labelled.targets, labelled.ignored, e) for e in (0, 1))
    assert late > early


def test_a_run_is_not_overwritten_nor_resumed_as_another(
    labelled: ScoredSet, tmp_path: Path
) -> None:
    fit(changed(LABELS, schedule__epochs=1), labelled, tmp_path / "run")
    with pytest.raises(UsageError, match="already exists"):
        fit(LABELS, labelled, tmp_path / "run")
    with pytest.raises(UsageError, match="schedule.epochs: 1 -> 4"):
        fit(LABELS, labelled, tmp_path / "run", resume=True)


def test_too_few_images_are_an_error(labelled: ScoredSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="24 images cannot fill a batch of 64"):
        fit(changed(LABELS, batch__size=64), labelled, tmp_path / "run")


def test_a_batch_that_has_no_ranks_is_refused(labelled: ScoredSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two images or more"):
        fit(changed(LABELS, batch__size=1), labelled, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_recipes_are_found_changed_and_planned(tmp_path: Path) -> None:
    recipe = find_recipe(Choice("scenes-sodeep", changes=["loss.rank_weight=0.5"], batch_size=4))
    assert isinstance(recipe, ScoreRecipe)
    assert (recipe.loss.rank_weight, recipe.batch.size) == (0.5, 4)
    found = plan(recipe, TrainOptions(tmp_path / "run", tmp_path / "scenes"))
    assert found["read"] == str(tmp_path / "scenes")
    assert found["scenes_drawn"] == 1000
    assert found["loss"]["rank_weight"] == 0.5
    assert not (tmp_path / "run").exists()


def test_scenes_that_are_there_in_another_number_are_told(
    labelled: ScoredSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "scenes.json").write_text('{"count": 30}')
    monkeypatch.setattr("zoo.training.scorers.read_labels", lambda *_: [])
    monkeypatch.setattr("zoo.training.scorers.learnable", lambda *_: (labelled, labelled))
    for count, told in ((30, False), (31, True)):
        recipe = find_recipe(Choice("scenes-sodeep", changes=[f"data.scenes={count}"]))
        read_scored(recipe, tmp_path)  # type: ignore[arg-type]
        assert ("holds 30 scenes: data.scenes=31 draws none" in caplog.text) is told


def test_what_a_recipe_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match="--loss"):
        find_recipe(Choice("scenes-sodeep", loss="sup_ap"))
    with pytest.raises(UsageError, match="--model"):
        find_recipe(Choice("sorter-grus", model="resnet50"))
    with pytest.raises(UsageError, match="rank_wait"):
        find_recipe(Choice("scenes-sodeep", changes=["loss.rank_wait=1"]))
    with pytest.raises(UsageError, match="no value"):
        find_recipe(Choice("scenes-sodeep", changes=["loss.rank_weight"]))
    with pytest.raises(UsageError, match="no data"):
        read_scored(LABELS, None)


def test_a_plan_reads_the_data_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text("path,split,height\n")
    recipe = find_recipe(Choice("coverage-mse", changes=["data.scenes=0"]))
    assert isinstance(recipe, ScoreRecipe)
    with pytest.raises(DataError):
        plan(recipe, TrainOptions(tmp_path / "run", tmp_path / "values.csv"))


def test_a_sorter_trains_through_the_same_options(tmp_path: Path) -> None:
    short = ["schedule.steps=2", "network.length=6"]
    recipe = find_recipe(Choice("sorter-grus", changes=short, batch_size=4))
    found = sorters.train(recipe, TrainOptions(tmp_path / "run", seed=3))  # type: ignore[arg-type]
    assert found.metrics["l1"] > 0
    assert found.run == tmp_path / "run"
