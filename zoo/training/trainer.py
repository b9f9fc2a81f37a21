"""The moving state of a run: what an update changes, and what a checkpoint holds."""

import time
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from zoo.device import sent
from zoo.models.kinds import AnyEmbedder
from zoo.ranking.compilation import compiled
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.fingerprint import check_fingerprint
from zoo.runs.folder import CHECKPOINTS
from zoo.runs.record import Row
from zoo.training import optimise
from zoo.training.layers import recompute
from zoo.training.loader import Loader, StepBatch
from zoo.training.lora import adapt, check_used, merged
from zoo.training.step import accumulate_gradient, replayable

ROWS_EVERY = 10  # steps between two rows of the record
PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class Trainer:
    """Model, average, objective, optimisers and scaler, moved one update at a time.

    Set `awake` to False after putting the model in evaluation mode: the next update wakes it.
    """

    def __init__(
        self,
        model: AnyEmbedder,
        loader: Loader,
        objective: nn.Module,
        device: torch.device,
    ) -> None:
        recipe = loader.recipe
        layout = torch.channels_last if recipe.engine.channels_last else torch.contiguous_format
        self.recipe, self.loader, self.world, self.device = recipe, loader, loader.world, device
        if recipe.engine.checkpointing:
            recompute(model.backbone)
        adapt(model.backbone, recipe.lora, loader.seed)
        self.model = model.to(device=device).to(memory_format=layout)
        self.forward = compiled(self.model) if recipe.engine.compile else self.model
        self.objective = objective.to(device)
        self.optimiser = optimise.build_optimiser(model, recipe.optimiser)
        self.loss_optimisers = optimise.build_loss_optimisers(objective.losses, recipe)  # type: ignore[arg-type]
        half = recipe.engine.precision == "float16"
        # On Apple's MPS too: torch 2.14 has both of its kernels there, and no step in float64.
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)
        self.ema = _average(model, recipe.optimiser.ema)
        self.awake, self.window = False, _Window(recipe.batch.size)

    @property
    def judged(self) -> AnyEmbedder:
        """The network that is evaluated and kept: the average, where there is one; merged."""
        found: AnyEmbedder = self.ema.module if self.ema else self.model  # type: ignore[assignment]
        return merged(found)

    def update(self, step: int, batch: StepBatch) -> Row | None:
        """Make update number `step` (from 1); return a row of the record when one is due."""
        rate = self._prepare(step - 1)
        chunks = batch.chunks(self.recipe.batch.chunk)

        def embed(number: int) -> Float[Tensor, "chunk dim"]:
            chunk = chunks[number]
            images = self.loader.images(batch, chunk, self.device)
            with replayable(self.loader.seed, step, batch.start + chunk.start), self._precision():
                return self.points(images, batch.start + chunk.start).float()

        def objective(points: Float[Tensor, "share dim"]) -> Float[Tensor, ""]:
            optimise.check_finite_embeddings(points, step)
            optimise.check_directions(points, self.model.dim, step)
            with replayable(self.loader.seed, step, -1):  # the same draws in every process
                value: Tensor = self.objective(
                    points, sent(batch.labels, self.device), sent(batch.items, self.device)
                )
            return value

        scale = float(self.scaler.scale(torch.ones((), device=self.device)))
        self.optimiser.zero_grad()
        self.objective.zero_grad()
        loss = accumulate_gradient(self.model, embed, len(chunks), objective, scale)
        check_used(self.model.backbone)
        self._apply()
        return self.window.row(step, loss, rate) if self.world.leads else None

    def points(
        self,
        images: Float[Tensor, "chunk 3 height width"],
        start: int,  # noqa: ARG002 (the place in the global batch: captions lie there too)
    ) -> Float[Tensor, "chunk dim"]:
        """Embed a chunk of the global batch, which begins at `start`."""
        embeddings: Tensor = self.forward(images)
        return embeddings

    def save(self, out: Path, step: int) -> None:
        """Write a checkpoint of the state after update number `step`."""
        if self.world.leads:
            state: dict[str, Any] = {
                "optimiser": self.optimiser.state_dict(),
                "loss_optimisers": [each.state_dict() for each in self.loss_optimisers],
                "objective": self.objective.state_dict(),
                "scaler": self.scaler.state_dict(),
                "generator": torch.get_rng_state(),
                "run": self.loader.fingerprint,
            }
            weights = {"model": self.model.state_dict()}
            if self.ema:
                weights["ema"] = self.ema.state_dict()
            save_checkpoint(out / CHECKPOINTS, step, weights, state)
        self.world.wait()

    def restore(self, out: Path) -> int:
        """Go back to the last whole checkpoint of `out`; return the updates made by then."""
        found = load_checkpoint(out / CHECKPOINTS)
        if found is None:
            return 0
        weights, state = found
        check_fingerprint(out, state["run"], self.loader.fingerprint)
        self.model.load_state_dict(weights["model"])
        if self.ema:
            self.ema.load_state_dict(weights["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        for optimiser, saved in zip(self.loss_optimisers, _of_losses(state), strict=True):
            optimiser.load_state_dict(saved)
        self.objective.load_state_dict(state["objective"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["generator"])
        return int(state["step"])

    def _prepare(self, done: int) -> float:
        """Set modes and rates for the update after `done`; return the backbone's rate."""
        epoch, place = self.loader.epochs.at(done)
        if not self.awake or place == 0:
            optimise.set_modes(self.model, self.recipe, epoch)
            self.awake = True
        now = optimise.Moment(done, self.loader.steps, epoch)
        optimise.set_loss_rates(self.loss_optimisers, self.recipe.schedule, now)
        self.objective.epoch = epoch  # type: ignore[assignment]
        return optimise.set_rates(self.optimiser, self.recipe, now)

    def _apply(self) -> None:
        """Sum gradients over the processes and move the weights."""
        self.world.sum_gradients(self.model.parameters())
        self.world.sum_gradients(self.objective.parameters(), scale=1 / self.world.size)
        self.scaler.unscale_(self.optimiser)
        optimise.clip_gradients(self.model, self.recipe.optimiser.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        for optimiser in self.loss_optimisers:
            optimiser.step()
        if self.recipe.network.batch_norm == "train":
            for norm in optimise.batch_norms(self.model):
                self.world.share_buffers(norm)
        if self.ema:
            self.ema.update_parameters(self.model)

    def _precision(self) -> torch.autocast:
        dtype = PRECISIONS[self.recipe.engine.precision]
        return torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)


def _of_losses(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the states of the losses' optimisers; one optimiser served all in earlier versions."""
    if "loss_optimisers" in state:
        return list(state["loss_optimisers"])
    return [state["loss_optimiser"]] if state["loss_optimiser"] else []


class _Window:
    """Mean loss and speed since the last row."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._losses: list[Tensor] = []
        self._since = time.perf_counter()

    def row(self, step: int, loss: Tensor, rate: float) -> Row | None:
        self._losses.append(loss)
        if step % ROWS_EVERY:
            return None
        mean = float(torch.stack(self._losses).mean())
        optimise.check_finite(mean, step)
        now = time.perf_counter()
        speed = len(self._losses) * self.batch_size / (now - self._since)
        self._losses, self._since = [], now
        return {"step": step, "loss": mean, "learning_rate": rate, "images_per_second": speed}


def _average(model: AnyEmbedder, decay: float | None) -> AveragedModel | None:
    """Return an exponential moving average of the model's weights and buffers, if wanted."""
    if decay is None:
        return None
    averaging = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
