"""A comparison of detectors goes on where it stopped, with the options it was begun with."""

from pathlib import Path
from typing import Any

import pytest

from zoo.benchmarks import detectors
from zoo.benchmarks.detectors import RECIPES, Scenes, compare_detectors
from zoo.errors import UsageError
from zoo.files import write_json, write_sealed
from zoo.recipes import DetectionRecipe
from zoo.recipes.values import to_json

RESULTS = {"metrics": {"ap": 0.5, "ap_50": 0.75}, "seconds_per_step": 0.25}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs that were trained; each leaves its recipe and a result."""
    runs: list[Path] = []

    def train(recipe: DetectionRecipe, data: Path, run: Path, **_: Any) -> None:
        run.mkdir(parents=True)
        write_json(run / "recipe.json", to_json(recipe))
        write_sealed(run / "results.json", RESULTS)
        runs.append(run)

    monkeypatch.setattr(detectors, "build_scenes", lambda *_, **__: None)
    monkeypatch.setattr(detectors, "train_detector", train)
    return runs


def test_runs_that_are_over_are_kept(trained: list[Path], tmp_path: Path) -> None:
    few = {"recipes": RECIPES[:2], "seeds": (0, 1), "scenes": Scenes(10, 64, 2)}
    rows = compare_detectors(tmp_path, **few)  # type: ignore[arg-type]
    assert compare_detectors(tmp_path, **few) == rows  # type: ignore[arg-type]
    assert len(trained) == len(set(trained)) == 4


def test_runs_of_other_options_are_not_taken_for_these(trained: list[Path], tmp_path: Path) -> None:
    compare_detectors(tmp_path, recipes=RECIPES[:1], seeds=(0,), scenes=Scenes(10, 64, 2))
    with pytest.raises(UsageError, match="other options"):
        compare_detectors(tmp_path, recipes=RECIPES[:1], seeds=(0,), scenes=Scenes(10, 64, 3))
