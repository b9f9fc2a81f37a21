"""Memorability of images, as SoDeep trains it: a two-layer head, L1 first, then Spearman.

rankzoo train lamem-resnet34-sodeep --data lamem/ --out runs/lamem

The paper trains on the frames of MediaEval's videos and on LaMem together and measures on the
videos (46.6 for ResNet-34): its number is not claimed for LaMem alone.
"""

from zoo.recipes.recipe import Schedule
from zoo.recipes.scores import (
    ScoreBatch,
    ScoreData,
    ScoreNetwork,
    ScoreOptimiser,
    ScoreRecipe,
    TwoPartLoss,
)

LAMEM = ScoreRecipe(
    name="lamem-resnet34-sodeep",
    about="memorability by SoDeep's Spearman loss on ResNet-34",
    task="attribute",
    network=ScoreNetwork("timm/resnet34.tv_in1k", size=224, hidden=512),
    data=ScoreData(column="memorability"),
    loss=TwoPartLoss("l1", point_weight=0.0, point_epochs=1, rank_weight=1.0),
    batch=ScoreBatch(100),
    optimiser=ScoreOptimiser("adam", lr=1e-3, head_lr=1.0, weight_decay=0.0),
    schedule=Schedule(
        30, kind="step", decay_at=tuple(range(3, 30, 3)), decay=0.5, frozen_epochs=15
    ),
    hardware="one GPU",
    deviates={
        "data": "LaMem alone; theirs adds seven frames of each MediaEval video",
        "sorter": "the closed form for any length; theirs is an LSTM of a length not stated",
        "rate": "the head's width, the batch and the 30 epochs are ours: no source states them",
    },
)

RECIPES = (LAMEM,)
