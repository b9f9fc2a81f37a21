"""A program the tests start: a short run of a tiny network, that can kill itself midway.

tiny_run.py PHOTOS OUT [--resume] [--kill-at STEP] [--set KEY=VALUE]...
"""

import argparse
import os
import signal
from dataclasses import replace
from pathlib import Path

import torch

from zoo.data.dataset import read_dataset
from zoo.models import Embedder, EmbedderConfig
from zoo.recipes.find import overridden
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Engine, Recipe, Schedule
from zoo.training import loop
from zoo.training.distributed import leave_world
from zoo.training.trainer import Trainer

SETTINGS = [
    "batch.size=8",
    "batch.per_class=2",
    "batch.chunk=2",
    "memory=20",
    "augmentation.grey=0.3",
    "optimiser.ema=0.9",
    "engine.checkpoint_every=4",
]


class KilledTrainer(Trainer):
    """Dies, as from `kill -9`, after the gradient of update `at` and before its step."""

    at = 0
    made = 0

    def _apply(self) -> None:
        self.made += 1
        if self.made == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._apply()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill-at", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.kill_at:
        KilledTrainer.at = arguments.kill_at
        setattr(loop, "Trainer", KilledTrainer)  # noqa: B010
    recipe = replace(
        own_recipe("tiny", "smooth_ap"), schedule=Schedule(steps=12, kind="cosine"), engine=Engine()
    )
    torch.manual_seed(7)
    network = Embedder(EmbedderConfig("test_resnet").at_size(24))
    changed = overridden(recipe, SETTINGS + arguments.set)
    assert isinstance(changed, Recipe)
    dataset = read_dataset(arguments.photos)
    loop.train(changed, dataset, network, arguments.out, resume=arguments.resume)
    leave_world()


if __name__ == "__main__":
    main()
