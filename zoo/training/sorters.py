"""Training a sorter on synthetic vectors, resumable step by step."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Generator, Tensor

from zoo.errors import UsageError
from zoo.progress import Track, silent
from zoo.recipes.sorters import SorterRecipe
from zoo.recipes.values import to_json
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.fingerprint import check_fingerprint
from zoo.runs.folder import CHECKPOINTS, RunResult
from zoo.runs.lifecycle import Run, Span, due
from zoo.runs.options import RunKeywords, RunOptions, TrainOptions
from zoo.runs.record import Listener
from zoo.sorters.exact import exact_ranks
from zoo.sorters.sequences import mixture
from zoo.sorters.sorter import Sorter, standardise
from zoo.sorters.store import build_sorter, save_sorter
from zoo.training.epochs import warn_of_warmup
from zoo.training.optimise import check_finite

_VALIDATION_SEED = 2**40  # far from every (seed, step) of training
_VALIDATION_VECTORS = 1000
EARLIER = "last.pt"  # the checkpoint of earlier versions
PROTOCOL = "held-out synthetic vectors"
DEFINITION = (
    f"Mean absolute error of normalised ranks over {_VALIDATION_VECTORS:,} standardised vectors of "
    "the ten-type mixture that no training step draws."
)


def fit_sorter(recipe: SorterRecipe, out: Path, **options: Unpack[RunKeywords]) -> RunResult:
    """Train a sorter into the run folder `out`; its metric is `l1`, the rank error.

    Every step is a function of the recipe, the seed and the last state. The options are those of
    `RunOptions`; nothing is loaded, so there is nothing for workers to do.

    Raises:
        UsageError: the folder is taken, or holds a run of another recipe or of an earlier version,
            or the sorter has nothing to learn.
        InterruptedRunError: a signal arrived; the state was saved.
    """
    how = RunOptions(**options)
    trainer = SorterTrainer(recipe, how.seed, how.device)
    schedule, every = recipe.schedule, recipe.engine.checkpoint_every
    with Run(out, recipe, how) as run:
        length, device = recipe.network.length, how.device
        before = {"l1": validation_error(trainer.sorter, length, device)}
        done = trainer.restore(out) if how.resume else 0
        span = Span(done, schedule.steps, every)
        run.seconds = trainer.seconds
        left = range(done, schedule.steps)
        for step, _ in run.steps(left, span, partial(trainer.save, out, run)):
            loss = trainer.update(step)
            if due(step, every) and step < schedule.steps:
                l1 = validation_error(trainer.sorter, length, device)
                run.record({"step": step, "loss": loss, "l1": l1})
        network = recipe.network
        save_sorter(
            trainer.sorter.eval(), out, network.sorter, half=network.half, **options_of(recipe)
        )
        metrics = {"l1": validation_error(trainer.sorter, length, device)}
        run.finish({"protocol": PROTOCOL, "definition": DEFINITION, "metrics": metrics})
    return RunResult(out, metrics, run.seconds, before=before, measured_on=PROTOCOL)


def plan(recipe: SorterRecipe, options: TrainOptions) -> dict[str, Any]:
    """Say what a run would do."""
    SorterTrainer(recipe, options.seed)
    return {"run": str(options.out), **to_json(recipe)}


def train(
    recipe: SorterRecipe,
    options: TrainOptions,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Train; return the result."""
    return fit_sorter(recipe, options.out, **options.carried_out(track, listeners))


class SorterTrainer:
    """A sorter, its optimiser, and one update of them."""

    def __init__(self, recipe: SorterRecipe, seed: int, device: str = "cpu") -> None:
        """Draw the sorter's first weights from `seed`.

        Raises:
            UsageError: the sorter has nothing to learn.
        """
        self.recipe, self.seed, self.device = recipe, seed, device
        self.seconds = 0.0
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.sorter = build_sorter(recipe.network.sorter, **options_of(recipe)).to(device)
        if not any(True for _ in self.sorter.parameters()):
            raise UsageError(
                f"sorter {recipe.network.sorter} has no weights to train", "use it as it is"
            )
        warn_of_warmup(recipe.schedule.warmup_steps, recipe.schedule.steps)
        self.optimiser = torch.optim.Adam(self.sorter.parameters(), lr=recipe.optimiser.lr)

    def update(self, step: int) -> float:
        """Make update number `step` (from 1); return its loss."""
        recipe = self.recipe
        seed = self.seed * 1_000_003 + step - 1
        scores = _draw(recipe.batch.size, recipe.network.length, seed).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = rate_of(recipe, step - 1)
        self.optimiser.zero_grad()
        loss = (self.sorter(scores) - exact_ranks(scores)).abs().mean()
        check_finite(float(loss.detach()), step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.sorter.parameters(), recipe.optimiser.clip_norm)
        self.optimiser.step()
        return float(loss.detach())

    def save(self, out: Path, run: Run, step: int) -> None:
        """Write a checkpoint."""
        state: dict[str, Any] = {
            "optimiser": self.optimiser.state_dict(),
            "run": {"seed": self.seed},
            "seconds": run.elapsed,
        }
        save_checkpoint(out / CHECKPOINTS, step, {"model": self.sorter.state_dict()}, state)

    def restore(self, out: Path) -> int:
        """Load the last checkpoint; return the step it was made after (0: there is none).

        Raises:
            UsageError: the run is of another seed, or its checkpoint of an earlier version.
        """
        if (out / CHECKPOINTS / EARLIER).exists():
            raise UsageError(
                f"{out / CHECKPOINTS / EARLIER} is of an earlier version: the run cannot go on",
                "its weights can be used as they are; to train on, choose another --out",
            )
        found = load_checkpoint(out / CHECKPOINTS)
        if found is None:
            return 0
        weights, state = found
        check_fingerprint(out, state["run"], {"seed": self.seed})
        self.sorter.load_state_dict(weights["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seconds = float(state["seconds"])
        return int(state["step"])


@torch.no_grad()
def validation_error(sorter: Sorter, length: int, device: str = "cpu") -> float:
    """Return the L1 rank error on 1,000 standardised vectors that no training step draws."""
    scores = _draw(_VALIDATION_VECTORS, length, _VALIDATION_SEED).to(device)
    was_training = sorter.training
    errors = [(sorter.eval()(part) - exact_ranks(part)).abs() for part in torch.split(scores, 250)]
    sorter.train(was_training)
    return float(torch.cat(errors).mean())


def options_of(recipe: SorterRecipe) -> dict[str, int]:
    """Return the architecture's options: its length, where it is tied to one."""
    tied = build_sorter(recipe.network.sorter).length is not None
    return {"length": recipe.network.length} if tied else {}


def rate_of(recipe: SorterRecipe, step: int) -> float:
    """Return the learning rate of a step (from 0): linear warm-up, then half a cosine."""
    schedule = recipe.schedule
    warm = min(1.0, (step + 1) / max(1, schedule.warmup_steps))
    return recipe.optimiser.lr * warm * 0.5 * (1 + math.cos(math.pi * step / schedule.steps))


def _draw(count: int, length: int, seed: int) -> Tensor:
    vectors = mixture(count, length, Generator().manual_seed(seed))
    return standardise(vectors).float()
