"""What a score recipe trains on, step by step: stored features, or fresh crops of the images."""

from collections.abc import Callable, Iterator
from hashlib import sha256

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.data.samplers import mixed_seed
from zoo.data.scored import ScoredSet
from zoo.errors import DataError, UsageError
from zoo.models.scorer import Scorer
from zoo.progress import Track
from zoo.recipes.scores import ScoreRecipe
from zoo.runs.options import RunOptions
from zoo.training.augment import coloured, draws_of_step
from zoo.training.epochs import check_schedule, check_warmup
from zoo.training.images import Plan, open_images


class ScoreLoader:
    """Batches as functions of (seed, step): the network's input, its targets, what to ignore.

    An attribute's targets are standardised by the training set's `mean` and `deviation`.
    """

    def __init__(
        self,
        recipe: ScoreRecipe,
        data: ScoredSet,
        model: Scorer,
        how: RunOptions,
    ) -> None:
        check_batch(recipe, data)
        self.recipe, self.data, self.seed = recipe, data, how.seed
        self.fingerprint = {"items": len(data), "data": digest_of(data), "seed": how.seed}
        check_schedule(recipe.schedule)
        self.steps_per_epoch = len(data) // recipe.batch.size
        self.steps = recipe.schedule.steps or recipe.schedule.epochs * self.steps_per_epoch
        check_warmup(recipe.schedule.warmup_steps, self.steps)
        attribute = recipe.task == "attribute"
        self.mean = data.targets.mean(0) if attribute else torch.zeros(1)
        self.deviation = data.targets.std(0) if attribute else torch.ones(1)
        self.targets = (data.targets - self.mean) / self.deviation
        self._inputs = _inputs(recipe, data, model, how.workers, how.track)

    def batches(
        self, first: int
    ) -> Iterator[tuple[Tensor, Float[Tensor, "batch output"], Bool[Tensor, "batch output"]]]:
        """Yield (input, targets, ignored) of updates `first`, `first + 1`, … up to the last."""
        for (rows, _), inputs in zip(
            self._plans(first), self._inputs(self._plans(first)), strict=True
        ):
            yield inputs, self.targets[rows], self.data.ignored[rows]

    def _plans(self, first: int) -> Iterator[Plan]:
        size = self.recipe.batch.size
        for step in range(first, self.steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
            order = torch.randperm(len(self.data), generator=generator)
            draws = draws_of_step(size, self.seed, step, self.recipe.augmentation.attempts)
            yield order[place * size : (place + 1) * size], draws


def check_batch(recipe: ScoreRecipe, data: ScoredSet) -> None:
    """Raise unless the images fill a batch that ranks can be learned from.

    Raises:
        DataError: there are fewer images than a batch.
        UsageError: a batch of one image has no ranks.
    """
    size = recipe.batch.size
    if size < 2:
        raise UsageError(f"batch.size={size}: ranks need two images or more", "--batch-size 2")
    if len(data) < size:
        raise DataError(
            f"{len(data)} images cannot fill a batch of {size}", "set a smaller --batch-size"
        )


def digest_of(data: ScoredSet) -> str:
    """Return a hash of the images' names and targets: a run goes on with the same ones only."""
    digest = sha256("\0".join(path.name for path in data.paths).encode())
    digest.update(data.targets.double().numpy().tobytes())
    return digest.hexdigest()


def _inputs(
    recipe: ScoreRecipe, data: ScoredSet, model: Scorer, workers: int, track: Track
) -> Callable[[Iterator[Plan]], Iterator[Tensor]]:
    if not recipe.network.train_backbone:
        features = model.eval().file_features(data.paths, track=track).clone()
        return lambda plans: (features[rows] for rows, _ in plans)
    shape, augmentation = model.config.preprocessing, recipe.augmentation
    size = augmentation.size or shape.size
    cached = size if augmentation.resize is None else None  # cached images are squashed
    images = open_images(data.paths, cached, workers, track)

    def crops(plans: Iterator[Plan]) -> Iterator[Tensor]:
        kept = list(plans)
        cut = images.crops(iter(kept), augmentation, size)
        for (_, draws), crop in zip(kept, cut, strict=True):
            yield coloured(crop.float(), draws, augmentation, shape)

    return crops
