"""The run folder: what is in it, and when a run may start or go on there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.files import refuse_to_overwrite, write_sealed
from zoo.metrics.evaluation import Evaluation
from zoo.recipes.values import AnyRecipe, read_recipe, to_json

RECIPE = "recipe.json"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"
BEST = "best"
CURVES = "curves.png"
TOLD = ("about", "hardware", "published", "deviates")  # keys that change nothing of the training
SHOWN = 5  # differences in an error
HEADLINES = (
    *("recall_at_1", "map_at_r", "h_ap", "i2t_recall_at_1", "t2i_recall_at_1", "voc_map_area"),
    *("spearman", "mean_absolute_error", "ap", "ap_50", "l1"),
)  # what is told at the end of a run


@dataclass(frozen=True)
class RunResult:
    """Where the run is, its last metrics (or its last loss), and the seconds it trained.

    `before` are the metrics of the untrained start, on the same held-out data; empty where it was
    not measured. `measured_on` says what that data is, or why there is no number. `evaluation`
    tells the protocol behind the metrics of a retrieval run.
    """

    run: Path
    metrics: dict[str, float]
    seconds: float
    evaluation: Evaluation | None = None
    before: dict[str, float] = field(default_factory=dict)
    measured_on: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo train --json` prints."""
        told = {"run": str(self.run), "before": self.before, "metrics": self.metrics}
        return {**told, "measured_on": self.measured_on, "seconds": self.seconds}

    def gain(self) -> str:
        """Return a sentence: the metrics before and after training, and what they stand on."""
        rows = [
            f"{name} {f'{self.before[name]:.4g} -> ' if name in self.before else ''}{after:.4g}"
            for name in HEADLINES
            if (after := self.metrics.get(name)) is not None
        ]
        return "; ".join([", ".join(rows), self.measured_on] if rows else [self.measured_on])


def begin(run: Path, recipe: AnyRecipe, resume: bool) -> bool:
    """Create the run folder with its recipe, or check that this recipe may go on in it.

    Returns whether the run is a new one.

    Raises:
        UsageError: the folder holds something else, or a run of another recipe.
    """
    written = run / RECIPE
    if resume and written.exists():
        _check_same(run, to_json(read_recipe(written)), to_json(recipe))
        return False
    refuse_taken(run)
    write_sealed(written, to_json(recipe))
    return True


def refuse_taken(run: Path) -> None:
    """Raise unless a new run may begin in this folder.

    Raises:
        UsageError: the folder holds a run, or something else.
    """
    if (run / RECIPE).exists():
        hint = "go on with --resume auto, choose another --out, or remove it first"
        raise UsageError(f"{run} already exists: a run is in it", hint)
    refuse_to_overwrite(run)


def differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Yield what two recipes' plain values differ in.

    >>> list(differences({"schedule": {"steps": 40}}, {"schedule": {"steps": 60}}))
    ['schedule.steps: 40 -> 60']
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            inner = f"{key}.{name}" if key else name
            yield from differences(before.get(name), now.get(name), inner)
    elif before != now:
        yield f"{key}: {_plainly(before)} -> {_plainly(now)}"


def _check_same(run: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    old, new = ({k: v for k, v in values.items() if k not in TOLD} for values in (before, now))
    found = list(differences(old, new))
    if found:
        more = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UsageError(
            f"{run} was trained with another recipe: {'; '.join(found[:SHOWN])}{more}",
            f"resume with the run's own {run / RECIPE}, or choose another --out",
        )


def _plainly(value: Any) -> str:
    """Return a value as a person types it after `--set key=`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
