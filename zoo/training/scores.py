"""Training a scorer with ranks, to be read from top to bottom."""

from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from zoo.data.samplers import mixed_seed
from zoo.data.scored import ScoredSet
from zoo.data.validation import write_skipped
from zoo.device import keep_freed_memory, sent
from zoo.evaluation.scores import definition, head_scores, score_metrics
from zoo.models.scorer import Scorer, save_scorer
from zoo.recipes.scores import ScoreRecipe
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.fingerprint import check_fingerprint
from zoo.runs.folder import CHECKPOINTS, RunResult
from zoo.runs.lifecycle import Run, Span
from zoo.runs.options import RunKeywords, RunOptions
from zoo.training.optimise import Moment, batch_norms, check_finite, learning_rate
from zoo.training.score_loader import ScoreLoader
from zoo.training.score_loss import ScoreLoss


def fit_scores(
    recipe: ScoreRecipe,
    parts: tuple[ScoredSet, ScoredSet],
    model: Scorer,
    out: Path,
    **options: Unpack[RunKeywords],
) -> RunResult:
    """Train `model` on the first of `parts` into the run folder `out`; measure it on the second.

    The options are those of `RunOptions`.

    Raises:
        UsageError: the folder is taken, or holds a run of another recipe.
        DataError: an image cannot be read, or there are fewer than a batch.
        InterruptedRunError: a signal arrived; the state was saved.
    """
    training, test = parts
    how = RunOptions(**options)
    with Run(out, recipe, how) as run:
        write_skipped(out / "skipped.json", [*training.skipped, *test.skipped])
        keep_freed_memory()
        model.to(how.device)
        loader = ScoreLoader(recipe, training, model, how)
        trainer = ScoreTrainer(recipe, model, loader)
        features = model.eval().file_features(test.paths, track=how.track)
        scores = head_scores(model, features) * loader.deviation + loader.mean  # in the data's unit
        before = score_metrics(scores, test, recipe.task)
        done = trainer.restore(out) if how.resume else 0
        span = Span(done, loader.steps, recipe.engine.checkpoint_every)
        for step, batch in run.steps(loader.batches(done), span, partial(trainer.save, out)):
            loss = trainer.update(step, *(sent(part, how.device) for part in batch))
            if step == loader.steps or step % loader.steps_per_epoch == 0:
                run.record({"step": step, "loss": loss})

        if recipe.task == "attribute":
            restore_units(model, loader.mean, loader.deviation)
        save_scorer(model.eval(), out)
        if recipe.network.train_backbone:
            features = model.file_features(test.paths, track=how.track)
        metrics = score_metrics(head_scores(model, features), test, recipe.task)
        named = {"protocol": recipe.task, "definition": definition(test, recipe.task)}
        run.finish({**named, "metrics": metrics, "before": before, "pictures": len(training)})
    on = test.counted.replace(" ", " held-out ")
    return RunResult(out, metrics, run.seconds, before=before, measured_on=on)


@torch.no_grad()
def restore_units(model: Scorer, mean: Tensor, deviation: Tensor) -> None:
    """Fold the standardisation of the targets into the last layer, so that scores have units."""
    last = model.head[-1]
    assert isinstance(last, nn.Linear)
    last.weight.mul_(deviation.to(last.weight.device)[:, None])
    last.bias.mul_(deviation.to(last.bias.device)).add_(mean.to(last.bias.device))


class ScoreTrainer:
    """The model, its optimiser and loss, and one update of them."""

    def __init__(self, recipe: ScoreRecipe, model: Scorer, loader: ScoreLoader) -> None:
        self.recipe, self.model, self.loader = recipe, model, loader
        self.loss = ScoreLoss(recipe).to(next(model.parameters()).device)
        chosen = recipe.optimiser
        groups: list[dict[str, Any]] = [
            {"params": list(model.head.parameters()), "factor": chosen.head_lr}
        ]
        model.backbone.requires_grad_(recipe.network.train_backbone)
        if recipe.network.train_backbone:
            groups.append({"params": list(model.backbone.parameters()), "factor": 1.0})
        rate, decay = chosen.lr, chosen.weight_decay
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(groups, rate, 0.9, weight_decay=decay)
            if chosen.name == "sgd"
            else torch.optim.Adam(groups, rate, weight_decay=decay)
        )

    def update(self, step: int, inputs: Tensor, targets: Tensor, ignored: Tensor) -> float:
        """Make update number `step` (from 1); return its loss."""
        epoch = (step - 1) // self.loader.steps_per_epoch
        self._prepare(step - 1, epoch)
        self.optimiser.zero_grad()
        with torch.random.fork_rng():
            # dropout, the same after a resume
            torch.manual_seed(mixed_seed(self.loader.seed, step, 2))
            whole = self.recipe.network.train_backbone
            scores = self.model(inputs) if whole else self.model.head(inputs)
        loss = self.loss(scores, targets, ignored, epoch)
        check_finite(float(loss.detach()), step)
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def save(self, out: Path, step: int) -> None:
        """Write a checkpoint."""
        state = {"optimiser": self.optimiser.state_dict(), "run": self.loader.fingerprint}
        save_checkpoint(out / CHECKPOINTS, step, {"model": self.model.state_dict()}, state)

    def restore(self, out: Path) -> int:
        """Load the last checkpoint; return the step it was made after (0: there is none)."""
        found = load_checkpoint(out / CHECKPOINTS)
        if found is None:
            return 0
        weights, state = found
        check_fingerprint(out, state.get("run"), self.loader.fingerprint)
        self.model.load_state_dict(weights["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])

    def _prepare(self, done: int, epoch: int) -> None:
        """Set modes and rates for the update after `done`.

        The network trains, but for batch norms that keep the statistics they came with.
        """
        schedule = self.recipe.schedule
        now = Moment(done, self.loader.steps, epoch)
        for group in self.optimiser.param_groups:
            base = self.recipe.optimiser.lr * group["factor"]
            group["lr"] = learning_rate(schedule, base, schedule.final_lr, now)
        if self.recipe.network.train_backbone:
            self.model.backbone.requires_grad_(epoch >= schedule.frozen_epochs)
        self.model.train()
        for module in batch_norms(self.model):
            module.train(self.recipe.network.batch_norm == "train")
