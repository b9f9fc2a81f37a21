"""What a command on an index reads: images and a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

    from zoo.data.dataset import ImageDataset


def read(images: Path, on_bad_image: Literal["fail", "skip"]) -> "ImageDataset":
    """Read a dataset whose images need no label."""
    from zoo.data.dataset import read_dataset

    return read_dataset(images, on_bad_image=on_bad_image, require_labels=False)


def load(name: str, offline: bool) -> "nn.Module":
    """Load the model of an index, or one it may be."""
    from zoo.errors import UsageError
    from zoo.tasks import load as load_model

    if not name:
        raise UsageError("the index does not say where its model is", "give --model")
    return load_model(name, offline=offline)
