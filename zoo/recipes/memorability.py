"""Memorability of videos and images, as SoDeep trains it: a two-layer head, L1, then Spearman.

rankzoo train videomem-resnet34-sodeep --data memorability/ --out runs/videomem

The paper trains on the frames of VideoMem's videos and on LaMem together and measures on videos:
where the folder holds LaMem too, its images train. OpenCV reads the videos.
"""

from dataclasses import replace

from zoo.recipes.recipe import Published, Schedule
from zoo.recipes.scores import (
    ScoreBatch,
    ScoreData,
    ScoreNetwork,
    ScoreOptimiser,
    ScoreRecipe,
    TwoPartLoss,
)

_OURS = {
    "sorter": "the closed form for any length; theirs is an LSTM of a length not stated",
    "rate": "the head's width, the batch and the 30 epochs are ours: no source states them",
}

VIDEOMEM = ScoreRecipe(
    name="videomem-resnet34-sodeep",
    about="memorability of videos by SoDeep's Spearman loss on ResNet-34",
    task="attribute",
    network=ScoreNetwork("timm/resnet34.tv_in1k", size=224, hidden=512),
    data=ScoreData(column="short-term_memorability"),
    loss=TwoPartLoss("l1", point_weight=0.0, point_epochs=1, rank_weight=1.0),
    batch=ScoreBatch(100),
    optimiser=ScoreOptimiser("adam", lr=1e-3, head_lr=1.0, weight_decay=0.0),
    schedule=Schedule(
        30, kind="step", decay_at=tuple(range(3, 30, 3)), decay=0.5, frozen_epochs=15
    ),
    hardware="one GPU",
    published=Published({"spearman": 46.6}, "Engilberge et al., SoDeep, CVPR 2019, table 2", "P"),
    deviates={
        "measured": "a fifth of the videos; the values of the test set they used are not public",
        **_OURS,
    },
)
LAMEM = replace(
    VIDEOMEM,
    name="lamem-resnet34-sodeep",
    about="memorability of images by SoDeep's Spearman loss on ResNet-34",
    data=ScoreData(column="memorability"),
    published=None,
    deviates={
        "data": "LaMem alone; theirs adds seven frames of each of VideoMem's videos",
        "measured": "LaMem's first test list; theirs are the videos of a test set",
        **_OURS,
    },
)

RECIPES = (VIDEOMEM, LAMEM)
