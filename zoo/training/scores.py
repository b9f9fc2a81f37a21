"""Training a scorer with ranks, to be read from top to bottom."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.samplers import mixed_seed
from zoo.data.scored import ScoredSet
from zoo.errors import InterruptedRunError, UsageError
from zoo.evaluation.scores import definition, evaluate_scorer
from zoo.files import refuse_to_overwrite, write_json
from zoo.models.scorer import Scorer, save_scorer
from zoo.progress import Track, silent
from zoo.recipes.scores import ScoreRecipe
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.folder import CHECKPOINTS, RECIPE, RESULTS, RunResult
from zoo.runs.interrupts import Interrupts
from zoo.runs.record import Record
from zoo.training.optimise import batch_norms, check_finite
from zoo.training.score_loader import ScoreLoader
from zoo.training.score_loss import ScoreLoss


def fit_scores(
    recipe: ScoreRecipe,
    training: ScoredSet,
    test: ScoredSet,
    model: Scorer,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 0,
    seed: int = 0,
    resume: bool = False,
    track: Track = silent,
) -> RunResult:
    """Train `model` on `training` into the run folder `out`, and measure it on `test`.

    With `resume` a run found in `out` goes on from its last checkpoint and ends with the same
    weights, bit for bit on the CPU, as if it had never stopped.

    Raises:
        UsageError: the folder is taken, or holds a run of another recipe.
        DataError: an image cannot be read, or there are fewer than a batch.
        InterruptedRunError: a signal arrived; the state was saved.
    """
    begin(out, recipe, resume)
    model.to(device)
    loader = ScoreLoader(recipe, training, model, seed=seed, workers=workers, track=track)
    trainer = ScoreTrainer(recipe, model, loader.steps_per_epoch, seed)
    done = trainer.restore(out) if resume else 0

    began = time.perf_counter()
    with Interrupts() as signals, Record(out, done, ()) as record:
        batches = track(loader.batches(done), f"train {recipe.name}", loader.steps - done)
        for step, batch in enumerate(batches, start=done + 1):
            loss = trainer.update(step, *(part.to(device) for part in batch))
            last = step == loader.steps
            if last or step % loader.steps_per_epoch == 0:
                record.write({"step": step, "loss": loss})
            if signals.raised or last or step % recipe.checkpoint_every == 0:
                trainer.save(out, step)
            if signals.raised and not last:
                raise InterruptedRunError(
                    f"stopped after step {step} of {loader.steps}; its state is in {out}",
                    "the same command with --resume auto goes on from there",
                )
    seconds = time.perf_counter() - began

    restore_units(model, loader.mean, loader.deviation)
    save_scorer(model.eval(), out)
    metrics = evaluate_scorer(model, test, recipe.task, track=track)
    facts = {"steps": loader.steps, "seconds": seconds, "seed": seed, "pictures": len(training)}
    named = {"protocol": recipe.task, "definition": definition(test, recipe.task)}
    write_json(out / RESULTS, {**named, "metrics": metrics, **facts})
    return RunResult(out, metrics, seconds)


def begin(out: Path, recipe: ScoreRecipe, resume: bool) -> None:
    """Create the run folder with its recipe, or check that this recipe may go on in it."""
    written = out / RECIPE
    plain = json.loads(json.dumps(asdict(recipe)))
    if not (resume and written.is_file()):
        refuse_to_overwrite(out)
        write_json(written, plain)
    elif json.loads(written.read_text(encoding="utf-8")) != plain:
        raise UsageError(f"{written} is another recipe", "resume with the settings it began with")


@torch.no_grad()
def restore_units(model: Scorer, mean: Tensor, deviation: Tensor) -> None:
    """Fold the standardisation of the targets into the last layer, so that scores have units."""
    last = model.head[-1]
    assert isinstance(last, nn.Linear)
    last.weight.mul_(deviation.to(last.weight.device)[:, None])
    last.bias.mul_(deviation.to(last.bias.device)).add_(mean.to(last.bias.device))


class ScoreTrainer:
    """The model, its optimiser and loss, and one update of them."""

    def __init__(self, recipe: ScoreRecipe, model: Scorer, steps_per_epoch: int, seed: int) -> None:
        self.recipe, self.model, self.seed = recipe, model, seed
        self.steps_per_epoch = steps_per_epoch
        self.loss = ScoreLoss(recipe).to(next(model.parameters()).device)
        model.backbone.requires_grad_(recipe.train_backbone)
        groups: list[dict[str, Any]] = [{"params": list(model.head.parameters()), "factor": 1.0}]
        if recipe.train_backbone:
            backbone = list(model.backbone.parameters())
            groups.append({"params": backbone, "factor": recipe.backbone_rate})
        rate, decay = recipe.learning_rate, recipe.weight_decay
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(groups, rate, 0.9, weight_decay=decay)
            if recipe.optimiser == "sgd"
            else torch.optim.Adam(groups, rate, weight_decay=decay)
        )

    def update(self, step: int, inputs: Tensor, targets: Tensor, ignored: Tensor) -> float:
        """Make update number `step` (from 1); return its loss."""
        epoch = (step - 1) // self.steps_per_epoch
        halvings = epoch // self.recipe.halve_every if self.recipe.halve_every else 0
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * group["factor"] * 0.5**halvings
        self._awake()
        self.optimiser.zero_grad()
        with torch.random.fork_rng():
            torch.manual_seed(mixed_seed(self.seed, step, 2))  # dropout, the same after a resume
            scores = self.model(inputs) if self.recipe.train_backbone else self.model.head(inputs)
        loss = self.loss(scores, targets, ignored, epoch)
        check_finite(float(loss.detach()), step)
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def save(self, out: Path, step: int) -> None:
        """Write a checkpoint."""
        state = {"optimiser": self.optimiser.state_dict()}
        save_checkpoint(out / CHECKPOINTS, step, {"model": self.model.state_dict()}, state)

    def restore(self, out: Path) -> int:
        """Load the last checkpoint; return the step it was made after (0: there is none)."""
        found = load_checkpoint(out / CHECKPOINTS)
        if found is None:
            return 0
        weights, state = found
        self.model.load_state_dict(weights["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])

    def _awake(self) -> None:
        """Training mode, but for batch norms, which keep the statistics they came with."""
        self.model.train()
        for module in batch_norms(self.model):
            module.eval()
