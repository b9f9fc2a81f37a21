"""What a command on an index reads: images and a model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.index.options import Folder, Images, OwnModel
from cli.options import Offline, OnBadImage

if TYPE_CHECKING:
    from torch import nn

    from zoo.data.dataset import ImageDataset
    from zoo.embedding.cluster import Job
    from zoo.embedding.options import EmbedOptions

Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Only this split; may be given again.")
]


@dataclass(frozen=True)
class Input:
    """A set whose images need no label, or some of its splits."""

    images: Images
    split: Splits = None
    on_bad_image: OnBadImage = "fail"

    def read(self, offline: bool = False) -> "ImageDataset":
        """Read it; a set of the Hub only from the cache when `offline`."""
        from zoo.data.dataset import read_dataset
        from zoo.hub.image_sets import bring

        path = bring(self.images, offline=offline).path
        dataset = read_dataset(path, on_bad_image=self.on_bad_image, require_labels=False)
        return dataset.split(*self.split) if self.split else dataset

    def job(self, model: str, options: "EmbedOptions", *, captions: bool, **how: Any) -> "Job":
        """Return how its shards are embedded, on any machine; `how` are fields of `Job`."""
        from zoo.embedding.cluster import Job
        from zoo.hub.image_sets import bring
        from zoo.tasks import load

        images = bring(self.images, offline=how.get("offline", False))
        return Job(
            load,
            model,
            images.path.absolute(),
            tuple(self.split or ()),
            modality="captions" if captions else "images",
            options=options,
            on_bad_image=self.on_bad_image,
            **how,
        )


@dataclass(frozen=True)
class Opened:
    """An index, and the model that embeds what it is asked or given."""

    index: Folder
    model: OwnModel = ""
    offline: Offline = False

    def load(self, known: str) -> "tuple[nn.Module, str]":
        """Load the model that was named, or else the one the index knows; and its name.

        Raises:
            UsageError: neither is there.
        """
        from zoo.errors import UsageError
        from zoo.tasks import load

        name = self.model or known
        if not name:
            raise UsageError("the index does not say where its model is", "give --model")
        return load(name, offline=self.offline), name
