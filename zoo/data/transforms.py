"""Images to tensors: the evaluation transform."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms import v2

from zoo.data.preprocessing import Preprocessing

Transform = Callable[[Image], Float[Tensor, "3 size size"]]


def evaluation_transform(preprocessing: Preprocessing) -> Transform:
    """Resize the shorter side (or squash to a square), crop the centre, normalise the colours."""
    mode = v2.InterpolationMode(preprocessing.interpolation)
    sides = [preprocessing.resize] * (2 if preprocessing.crop_mode == "squash" else 1)
    transform: Transform = v2.Compose(
        [
            v2.Resize(sides, interpolation=mode, antialias=True),
            v2.CenterCrop(preprocessing.size),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(list(preprocessing.mean), list(preprocessing.std)),
        ]
    )
    return transform
