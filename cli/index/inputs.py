"""What a command on an index reads: images and a model."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.index.options import Images
from cli.options import OnBadImage

if TYPE_CHECKING:
    from torch import nn

    from zoo.data.dataset import ImageDataset

Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Only this split; may be given again.")
]


def read(images: Images, split: Splits = None, on_bad_image: OnBadImage = "fail") -> "ImageDataset":
    """Read a dataset whose images need no label, or some of its splits."""
    from zoo.data.dataset import read_dataset

    dataset = read_dataset(images, on_bad_image=on_bad_image, require_labels=False)
    return dataset.split(*split) if split else dataset


def load(name: str, offline: bool) -> "nn.Module":
    """Load the model of an index, or one it may be."""
    from zoo.errors import UsageError
    from zoo.tasks import load as load_model

    if not name:
        raise UsageError("the index does not say where its model is", "give --model")
    return load_model(name, offline=offline)
