"""A network that reads colours, and folders of coloured squares for it to tell apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset, Item

Scene = Callable[..., ImageDataset]


class ColourModel(nn.Module):
    """The mean colour of an image, less grey, as a unit vector: knows the classes perfectly."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.dim = 3
        self.scale = nn.Parameter(torch.ones(1))

    @property
    def transform(self) -> Callable[[Image.Image], Tensor]:
        return to_tensor

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        means = self.scale * (images.mean(dim=(2, 3)) - 0.5)
        return nn.functional.normalize(means, dim=1)


def to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)


COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


@pytest.fixture
def colour_model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def squares(tmp_path: Path) -> Scene:
    """Make a dataset of coloured squares: `squares(4, splits=("query", "gallery"))`."""

    def make(per_class: int = 4, splits: tuple[str, ...] = ("",)) -> ImageDataset:
        items = []
        for label, colour in COLOURS.items():
            for n in range(per_class):
                path = tmp_path / "squares" / label / f"{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                shade = tuple(max(0, value - 3 * n) for value in colour)
                Image.new("RGB", (8, 8), shade).save(path)
                items.append(Item(path, (label,), splits[n % len(splits)]))
        return ImageDataset("squares", tmp_path / "squares", tuple(items), ("label",))

    return make
