"""Training a sorter on synthetic vectors, resumable step by step."""

import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from zoo.errors import UsageError
from zoo.files import atomic_path, refuse_to_overwrite, write_json, write_text
from zoo.progress import Track, silent
from zoo.sorters.exact import exact_ranks
from zoo.sorters.sequences import mixture
from zoo.sorters.sorter import Sorter, standardise
from zoo.sorters.store import build_sorter, save_sorter

log = logging.getLogger("rankzoo")
_VALIDATION_SEED = 2**40  # far from every (seed, step) of training
_VALIDATION_VECTORS = 1000
PROTOCOL = "held-out synthetic vectors"
DEFINITION = (
    f"Mean absolute error of normalised ranks over {_VALIDATION_VECTORS:,} standardised vectors of "
    "the ten-type mixture that no training step draws."
)


@dataclass(frozen=True)
class SorterRecipe:
    """How a sorter is trained: Adam on the L1 error of its ranks, cosine decay to zero.

    The vectors are standardised first, as the SoDeep losses do: `length` scores each, `batch`
    a step, drawn anew at every step from (seed, step).
    """

    sorter: str
    length: int = 100
    batch: int = 256
    steps: int = 10_000
    learning_rate: float = 1e-3
    warmup: int = 100
    clip: float = 1.0
    half: bool = False
    checkpoint_every: int = 50
    seed: int = 0

    @property
    def options(self) -> dict[str, int]:
        """The architecture's options: its length, where it is tied to one."""
        tied = build_sorter(self.sorter).length is not None
        return {"length": self.length} if tied else {}

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, then half a cosine."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


# `grus` is sized for a CPU core; `lstmla` is the paper's 400 epochs of 100,000 vectors, for a GPU.
SORTER_RECIPES: dict[str, SorterRecipe] = {
    "sorter-gruc": SorterRecipe("gruc", batch=128, steps=3000, learning_rate=3e-3),
    "sorter-cnn": SorterRecipe("cnn", batch=128, steps=4000, half=True),
    "sorter-grus": SorterRecipe("grus", batch=128, steps=1500, learning_rate=1e-2),
    "sorter-lstm": SorterRecipe("lstm", steps=30_000),
    "sorter-lstmla": SorterRecipe("lstmla", steps=156_000),
    "sorter-grup": SorterRecipe("grup", steps=30_000),
    "sorter-lstme": SorterRecipe("lstme", steps=30_000),
    "sorter-mlp": SorterRecipe("mlp", steps=10_000),
}


@dataclass(frozen=True)
class FitResult:
    """Where a trained sorter is, its L1 rank error on held-out vectors, and the seconds it took."""

    run: Path
    l1: float
    seconds: float


def fit_sorter(
    recipe: SorterRecipe, out: Path, *, resume: bool = False, track: Track = silent
) -> FitResult:
    """Train a sorter into `out`: config.json, model.safetensors, recipe, metrics, checkpoint.

    Every step is a function of the recipe and the last state, so a run that was killed and
    resumed ends with the same weights as one that was not.

    Raises:
        UsageError: `out` is not empty without `resume`, or holds a run of another recipe, or the
            sorter has nothing to learn.
    """
    sorter = _fresh(recipe)
    optimiser = torch.optim.Adam(sorter.parameters(), lr=recipe.learning_rate)
    state = _resume(recipe, out, sorter, optimiser) if resume else _begin(recipe, out)
    for step in track(range(state["step"], recipe.steps), f"sorter {recipe.sorter}"):
        started = time.perf_counter()
        _step(recipe, sorter, optimiser, step)
        state["seconds"] += time.perf_counter() - started
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
            _keep(out, sorter, optimiser, state, step + 1, recipe.length)
    save_sorter(sorter.eval(), out, recipe.sorter, half=recipe.half, **recipe.options)
    l1 = validation_error(sorter, recipe.length)
    result = FitResult(out, l1, state["seconds"])
    facts = {"seconds": result.seconds, "steps": recipe.steps, "seed": recipe.seed}
    named = {"protocol": PROTOCOL, "definition": DEFINITION, "metrics": {"l1": l1}}
    write_json(out / "results.json", {**named, **facts})
    return result


@torch.no_grad()
def validation_error(sorter: Sorter, length: int) -> float:
    """Return the L1 rank error on 1,000 standardised vectors that no training step draws."""
    scores = _draw(_VALIDATION_VECTORS, length, _VALIDATION_SEED)
    was_training = sorter.training
    errors = [(sorter.eval()(part) - exact_ranks(part)).abs() for part in torch.split(scores, 250)]
    sorter.train(was_training)
    return float(torch.cat(errors).mean())


def _step(
    recipe: SorterRecipe, sorter: Sorter, optimiser: torch.optim.Optimizer, step: int
) -> None:
    scores = _draw(recipe.batch, recipe.length, recipe.seed * 1_000_003 + step)
    for group in optimiser.param_groups:
        group["lr"] = recipe.rate(step)
    optimiser.zero_grad()
    (sorter(scores) - exact_ranks(scores)).abs().mean().backward()
    torch.nn.utils.clip_grad_norm_(sorter.parameters(), recipe.clip)
    optimiser.step()


def _draw(count: int, length: int, seed: int) -> Tensor:
    vectors = mixture(count, length, Generator().manual_seed(seed))
    return standardise(vectors).float()


def _fresh(recipe: SorterRecipe) -> Sorter:
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        sorter = build_sorter(recipe.sorter, **recipe.options)
    if not any(True for _ in sorter.parameters()):
        raise UsageError(f"sorter {recipe.sorter} has no weights to train", "use it as it is")
    return sorter


def _begin(recipe: SorterRecipe, out: Path) -> dict[str, Any]:
    refuse_to_overwrite(out)
    write_json(out / "recipe.json", _named(recipe))
    return {"step": 0, "seconds": 0.0, "history": []}


def _named(recipe: SorterRecipe) -> dict[str, Any]:
    return {"name": f"sorter-{recipe.sorter}", **asdict(recipe)}


def _resume(
    recipe: SorterRecipe, out: Path, sorter: Sorter, optimiser: torch.optim.Optimizer
) -> dict[str, Any]:
    written = out / "recipe.json"
    if not written.is_file():
        raise UsageError(f"{out} holds no run to resume", "leave --resume out to start one")
    if json.loads(written.read_text(encoding="utf-8")) != _named(recipe):
        raise UsageError(f"{written} is another recipe", "resume with the settings it began with")
    checkpoint = _checkpoint(out)
    if not checkpoint.is_file():
        return {"step": 0, "seconds": 0.0, "history": []}
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    sorter.load_state_dict(state.pop("sorter"))
    optimiser.load_state_dict(state.pop("optimiser"))
    return state


def _keep(
    out: Path,
    sorter: Sorter,
    optimiser: torch.optim.Optimizer,
    state: dict[str, Any],
    step: int,
    length: int,
) -> None:
    l1 = validation_error(sorter, length)
    state["step"] = step
    state["history"].append({"step": step, "l1": l1, "seconds": round(state["seconds"], 1)})
    log.info("step %d: L1 %.5f", step, l1)
    weights = {"sorter": sorter.state_dict(), "optimiser": optimiser.state_dict()}
    with atomic_path(_checkpoint(out)) as path:
        torch.save({**state, **weights}, path)
    write_text(out / "metrics.jsonl", "".join(json.dumps(h) + "\n" for h in state["history"]))


def _checkpoint(out: Path) -> Path:
    return out / "checkpoints" / "last.pt"
