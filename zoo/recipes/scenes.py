"""SoDeep's tasks on emoji scenes, where real glyphs stand in for sets that must be downloaded.

The backbone is a real one, frozen: its features are computed once, and a head of one hidden layer
trains on them in seconds on two CPU cores.
"""

from dataclasses import replace

from zoo.recipes.recipe import Schedule
from zoo.recipes.scores import (
    ScoreBatch,
    ScoreData,
    ScoreNetwork,
    ScoreOptimiser,
    ScoreRecipe,
    TwoPartLoss,
)

LABELS_BCE = ScoreRecipe(
    name="scenes-bce",
    about="which emoji a scene holds, multi-label soft margin alone",
    task="labels",
    network=ScoreNetwork("efficientnet_lite0", size=160, hidden=256, train_backbone=False),
    loss=TwoPartLoss("soft_margin"),
    data=ScoreData(scenes=1000),
    batch=ScoreBatch(64),
    optimiser=ScoreOptimiser("adam", lr=1e-3, head_lr=1.0),
    schedule=Schedule(epochs=60, kind="step", decay_at=(20, 40), decay=0.5),
    hardware="2 CPU cores",
)
LABELS_SODEEP = replace(
    LABELS_BCE,
    name="scenes-sodeep",
    about="which emoji a scene holds, soft margin and SoDeep's mAP loss",
    loss=TwoPartLoss("soft_margin", rank_weight=1.0, resolution=1.0),
)
COVERAGE_MSE = replace(
    LABELS_BCE,
    name="coverage-mse",
    about="how much of a scene its emoji cover, squared error",
    task="attribute",
    data=ScoreData("coverage", scenes=1000),
    loss=TwoPartLoss("mse"),
)
COVERAGE_SODEEP = replace(
    COVERAGE_MSE,
    name="coverage-sodeep",
    about="how much of a scene its emoji cover, L1 for five epochs, then SoDeep's Spearman loss",
    loss=TwoPartLoss("l1", point_weight=0.3, point_epochs=5, rank_weight=1.0, resolution=1.0),
)

RECIPES = (LABELS_BCE, LABELS_SODEEP, COVERAGE_MSE, COVERAGE_SODEEP)
