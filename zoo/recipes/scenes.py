"""SoDeep's tasks on emoji scenes, where real glyphs stand in for sets that must be downloaded.

The backbone is a real one, frozen: its features are computed once, and a head of one hidden layer
trains on them in seconds on two CPU cores.
"""

from dataclasses import replace

from zoo.recipes.scores import ScoreRecipe

LABELS_BCE = ScoreRecipe(
    name="scenes-bce",
    about="which emoji a scene holds, multi-label soft margin alone",
    task="labels",
    backbone="efficientnet_lite0",
    size=160,
    point="soft_margin",
    hidden=256,
    train_backbone=False,
    scenes=1000,
    optimiser="adam",
    batch=64,
    epochs=60,
    learning_rate=1e-3,
    halve_every=20,
    hardware="2 CPU cores",
)
LABELS_SODEEP = replace(
    LABELS_BCE,
    name="scenes-sodeep",
    about="which emoji a scene holds, soft margin and SoDeep's mAP loss",
    rank_weight=1.0,
    resolution=1.0,
)
COVERAGE_MSE = replace(
    LABELS_BCE,
    name="coverage-mse",
    about="how much of a scene its emoji cover, squared error",
    task="attribute",
    column="coverage",
    point="mse",
)
COVERAGE_SODEEP = replace(
    COVERAGE_MSE,
    name="coverage-sodeep",
    about="how much of a scene its emoji cover, L1 for five epochs, then SoDeep's Spearman loss",
    point="l1",
    point_weight=0.3,
    point_epochs=5,
    rank_weight=1.0,
    resolution=1.0,
)

RECIPES = (LABELS_BCE, LABELS_SODEEP, COVERAGE_MSE, COVERAGE_SODEEP)
