"""Training on the pretended accelerator: each kind of update gives the CPU's weights."""

import pytest
import torch
from torch import Tensor

from tests.accelerator import same_on_both
from zoo.data.preprocessing import Preprocessing
from zoo.recipes.recipe import Augmentation
from zoo.training.augment import DRAWS, coloured, crop_boxes, cropped

AUGMENTATIONS = {
    "crop and flip": Augmentation(flip=0.5),
    "window": Augmentation(window=0.9),
    "colour": Augmentation(colour=0.4),
    "grey": Augmentation(grey=0.5),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmented_batch_is_the_cpus(name: str) -> None:
    augmentation = AUGMENTATIONS[name]

    def augmented(images: Tensor, draws: Tensor, aspect: Tensor) -> Tensor:
        boxes = crop_boxes(draws, aspect, augmentation)
        return coloured(cropped(images, boxes, 8), draws, augmentation, Preprocessing())

    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    same_on_both(augmented, images, torch.rand(6, DRAWS), torch.rand(6) + 0.5)
