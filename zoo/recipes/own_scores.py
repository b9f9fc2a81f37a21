"""The recipe of a person's own labels or values: a task instead of a name, sizes from the data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from zoo.errors import UsageError
from zoo.recipes.recipe import Schedule
from zoo.recipes.scores import (
    ScoreBatch,
    ScoreNetwork,
    ScoreOptimiser,
    ScoreRecipe,
    TwoPartLoss,
)

NAMES = {"labels": "own-labels", "value": "own-value"}
BACKBONE = "efficientnet_lite0"  # its weights are a pip package
FROM_DATA = 0  # a number of 0 is chosen by `fitted`
UPDATES = 600  # at least so many, where 60 epochs can give them
FULL_BATCH = 64
LOSSES: Mapping[str, Mapping[str, TwoPartLoss]] = {
    "labels": {
        "sodeep": TwoPartLoss("soft_margin", rank_weight=1.0, resolution=1.0),
        "blackbox_ap": TwoPartLoss("soft_margin", rank_weight=1.0, rank="blackbox"),
        "soft_margin": TwoPartLoss("soft_margin"),
    },
    "value": {
        "sodeep": TwoPartLoss("mse", rank_weight=1.0, resolution=1.0),
        "blackbox": TwoPartLoss("mse", rank_weight=1.0, rank="blackbox"),
        "mse": TwoPartLoss("mse"),
        "l1": TwoPartLoss("l1"),
    },
}


def own_scores(task: str, model: str | None = None, loss: str | None = None) -> ScoreRecipe:
    """Return a recipe for `labels` (any classes, many an image) or a `value` (any numbers).

    Without a loss it trains each score for itself and by SoDeep's ranks, equally. As in the recipes
    of scenes, the backbone's features are computed once and a head of 256 units trains on them:
    minutes on two cores. `network.train_backbone` fine-tunes all of it, for a GPU.

    Raises:
        UsageError: no such task, or no such loss for it.
    """
    if task not in NAMES:
        raise UsageError(f"--task {task}: unknown", f"one of {', '.join(NAMES)}")
    known = LOSSES[task]
    chosen = loss or next(iter(known))
    if chosen not in known:
        raise UsageError(f"--loss {loss}: not one of {task}", f"one of {', '.join(known)}")
    return ScoreRecipe(
        name=NAMES[task],
        about=f"{task} by {chosen} on {model or BACKBONE}",
        task="labels" if task == "labels" else "attribute",
        network=ScoreNetwork(model or BACKBONE, hidden=256, train_backbone=False),
        loss=known[chosen],
        batch=ScoreBatch(FROM_DATA),
        optimiser=ScoreOptimiser("adam", lr=1e-3, head_lr=1.0),
        schedule=Schedule(FROM_DATA, kind="cosine"),
    )


def fitted(recipe: ScoreRecipe, images: int, outputs: Sequence[str]) -> ScoreRecipe:
    """Return the recipe with every number of 0 chosen for so many training images.

    A batch has 64 images, of few a quarter; epochs, 10 to 60 of them, make about 600 updates.
    A value's column, where none was named, is the output that was found.
    """
    if recipe.name not in NAMES.values():
        return recipe
    batch = recipe.batch.size or min(FULL_BATCH, max(2, images // 4))
    epochs = recipe.schedule.epochs or min(60, max(10, ceil(UPDATES * batch / images)))
    column = recipe.data.column or (outputs[0] if recipe.task == "attribute" else "")
    return replace(
        recipe,
        data=replace(recipe.data, column=column),
        batch=replace(recipe.batch, size=batch),
        schedule=replace(recipe.schedule, epochs=epochs),
    )
