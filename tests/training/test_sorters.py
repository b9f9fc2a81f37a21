"""Training a sorter: it learns, it resumes to the same weights, it refuses what it cannot do."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from zoo.errors import DataError, IntegrityError, UnavailableError, UsageError
from zoo.recipes import SorterRecipe, recipes_of
from zoo.recipes.sorters import (
    SorterBatch,
    SorterEngine,
    SorterNetwork,
    SorterOptimiser,
    SorterSchedule,
)
from zoo.runs.record import read_rows
from zoo.sorters import SORTERS
from zoo.sorters.sequences import mixture
from zoo.sorters.store import build_sorter, load_sorter, save_sorter
from zoo.training import sorters
from zoo.training.sorters import SorterTrainer, fit_sorter, rate_of

T = TypeVar("T")
TINY = SorterRecipe(
    "sorter-grus",
    "a small one",
    SorterNetwork("grus", length=8),
    SorterBatch(32),
    schedule=SorterSchedule(12, warmup_steps=2),
    engine=SorterEngine(checkpoint_every=4),
)


def killed_after(steps: int) -> object:
    def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        for done, item in enumerate(items):
            if done == steps:
                raise KeyboardInterrupt
            yield item

    return track


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_sorter(folder).state_dict())


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    fit_sorter(TINY, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit_sorter(TINY, tmp_path / "cut", track=killed_after(6))  # type: ignore[arg-type]
    fit_sorter(TINY, tmp_path / "cut", resume=True)
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(whole[key].equal(cut[key]) for key in whole)
    assert [row["step"] for row in read_rows(tmp_path / "cut")] == [4, 8, 12]


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit_sorter(TINY, tmp_path / "cut", track=killed_after(1))  # type: ignore[arg-type]
    assert fit_sorter(TINY, tmp_path / "cut", resume=True).metrics["l1"] > 0


@pytest.mark.parametrize("name", ["lstme", "grus"])
def test_training_lowers_the_rank_error(name: str, tmp_path: Path) -> None:
    recipe = replace(
        TINY,
        network=SorterNetwork(name, length=8),
        batch=SorterBatch(64),
        optimiser=SorterOptimiser(3e-3),
        schedule=SorterSchedule(60, warmup_steps=5),
        engine=SorterEngine(20),
    )
    result = fit_sorter(recipe, tmp_path / "run")
    first, *_, last = [row["l1"] for row in read_rows(tmp_path / "run")]
    assert result.metrics["l1"] == last
    assert last < 0.9 * first


def test_a_run_is_never_overwritten_nor_resumed_with_other_settings(tmp_path: Path) -> None:
    fit_sorter(TINY, tmp_path / "run")
    with pytest.raises(UsageError, match="already exists"):
        fit_sorter(TINY, tmp_path / "run")
    longer = replace(TINY, schedule=SorterSchedule(20, warmup_steps=2))
    with pytest.raises(UsageError, match="schedule.steps: 12 -> 20"):
        fit_sorter(longer, tmp_path / "run", resume=True)
    with pytest.raises(UsageError, match="seed was 0, now 1"):
        fit_sorter(TINY, tmp_path / "run", resume=True, seed=1)


def test_a_run_shorter_than_its_warm_up_says_so(caplog: pytest.LogCaptureFixture) -> None:
    SorterTrainer(TINY, 0)
    assert not caplog.records
    SorterTrainer(replace(TINY, schedule=SorterSchedule(2, warmup_steps=5)), 0)
    assert "schedule.warmup_steps=5, and the run has 2 updates" in caplog.text


def test_the_rate_warms_up_linearly_and_falls_along_half_a_cosine() -> None:
    recipe = replace(
        TINY, optimiser=SorterOptimiser(0.1), schedule=SorterSchedule(4, warmup_steps=2)
    )
    found = [rate_of(recipe, step) for step in range(4)]
    assert found == pytest.approx([0.1 * 0.5, 0.1 * 0.853553, 0.1 * 0.5, 0.1 * 0.146447], rel=1e-5)
    cold = replace(recipe, schedule=SorterSchedule(4, warmup_steps=0))
    assert rate_of(cold, 0) == pytest.approx(0.1)


def test_no_training_step_of_a_thousand_seeds_draws_what_is_measured_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[int] = []

    def seen(count: int, length: int, generator: torch.Generator) -> torch.Tensor:
        drawn.append(generator.initial_seed())
        return mixture(count, length, generator)

    monkeypatch.setattr(sorters, "mixture", seen)
    steps = max(recipe.schedule.steps for recipe in recipes_of(SorterRecipe).values())
    trainer = SorterTrainer(TINY, seed=1000)
    trainer.update(1)
    trainer.update(steps)
    sorters.validation_error(trainer.sorter, 8)
    first, last, measured = drawn
    assert last - first == steps - 1
    assert measured > last
    trainer.seed = 999
    trainer.update(steps)
    assert drawn[-1] < first  # a seed's steps come before those of the next


def test_a_sorter_without_weights_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no weights to train"):
        fit_sorter(replace(TINY, network=SorterNetwork("gaussian")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_sorter_with_weights_has_a_recipe() -> None:
    learned = {f"sorter-{n}" for n, b in SORTERS.items() if any(True for _ in b().parameters())}
    assert set(recipes_of(SorterRecipe)) == learned


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    sorter = build_sorter("mlp", length=6)
    save_sorter(sorter, tmp_path / "whole", "mlp", length=6)
    save_sorter(sorter, tmp_path / "half", "mlp", half=True, length=6)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("whole", "half")]
    assert sizes[1] < 0.51 * sizes[0]
    loaded, scores = load_sorter(tmp_path / "half"), torch.randn(2, 6)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in loaded.parameters())
    torch.testing.assert_close(loaded(scores), sorter(scores), atol=1e-2, rtol=0)


def test_a_resolution_survives_the_disk(tmp_path: Path) -> None:
    save_sorter(build_sorter("gaussian", resolution=0.25), tmp_path / "ours", "gaussian")
    assert load_sorter(tmp_path / "ours").get_buffer("resolution").item() == 0.25


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no sorter of that name"):
        load_sorter("bogo")
    save_sorter(build_sorter("grus"), tmp_path / "run", "gruc")
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        load_sorter(tmp_path / "run")
    (tmp_path / "run/config.json").write_text("{}")
    with pytest.raises(IntegrityError, match="not what was written"):
        load_sorter(tmp_path / "run")
    (tmp_path / "run/rankzoo.json").unlink()
    with pytest.raises(DataError, match="not a sorter's configuration"):
        load_sorter(tmp_path / "run")
    with pytest.raises(UsageError, match="no sorter is called"):
        build_sorter("bogo")
    with pytest.raises(UsageError, match="grus"):
        build_sorter("grus", length=5)
