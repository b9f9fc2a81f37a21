"""Images learn the space of a frozen text encoder: then its texts find them.

The encoder embeds every caption once. A run is an ordinary image embedder whose vectors are
compared with the encoder's; two passes, several processes and resume come from the same loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.errors import DataError, UsageError
from zoo.evaluation.captions import evaluate_captions, meanings
from zoo.losses.pairs import PAIR_LOSSES, apart
from zoo.metrics.evaluation import Evaluation
from zoo.recipes.changes import check_losses
from zoo.recipes.recipe import Recipe
from zoo.training.distributed import World


@runtime_checkable
class ReadsText(Protocol):
    """Whatever embeds texts: a text encoder, or a model of two towers."""

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts; the order is kept."""
        ...


@dataclass(frozen=True, eq=False)
class CaptionTable:
    """The embedded captions of a dataset; item i owns `counts[i]` of them from `starts[i]` on."""

    vectors: Float[Tensor, "caption dim"]
    starts: Int64[Tensor, " item"]
    counts: Int64[Tensor, " item"]
    texts: tuple[str, ...] | None = None

    @property
    def owner(self) -> Int64[Tensor, " caption"]:
        """The item each caption belongs to."""
        return torch.repeat_interleave(torch.arange(len(self.counts)), self.counts)


def embed_captions(encoder: ReadsText, dataset: ImageDataset) -> CaptionTable:
    """Embed every caption of a dataset, an equal text once.

    Raises:
        DataError: an image has no caption.
    """
    check_captions(dataset)
    counts = [len(item.captions) for item in dataset.items]
    texts = [text for item in dataset.items for text in item.captions]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    vectors = encoder.embed_texts(list(places))[[places[text] for text in texts]]
    starts = [0, *accumulate(counts)][:-1]
    return CaptionTable(vectors, torch.tensor(starts), torch.tensor(counts), tuple(texts))


def check_captions(dataset: ImageDataset) -> None:
    """Raise `DataError` unless every image has a caption."""
    bare = next((item.path for item in dataset.items if not item.captions), None)
    if bare is not None:
        raise DataError(f"{bare}: the image has no caption", "add a column `caption`")


def captioned_split(held_out: ImageDataset) -> ImageDataset:
    """Return the part of the held-out items that captions are judged on: test, query or val."""
    for name in ("test", "query", "val"):
        if name in held_out.splits:
            return held_out.split(name)
    return held_out


class CaptionObjective(nn.Module):
    """A pair loss between the global batch's images and one caption of each.

    An image with several captions gets one at random, from the global generator.
    """

    def __init__(self, recipe: Recipe, world: World, table: CaptionTable, dim: int) -> None:
        super().__init__()
        check_losses(recipe)
        if dim != table.vectors.shape[1]:
            raise UsageError(
                f"network.dim: the images have {dim} dimensions, "
                f"the text encoder {table.vectors.shape[1]}",
                f"--set network.dim={table.vectors.shape[1]}",
            )
        self.losses = nn.ModuleList([PAIR_LOSSES[recipe.loss.name](**recipe.loss.options)])
        self.world, self.table = world, table
        self.meaning = None if table.texts is None else meanings(table.texts)

    def forward(
        self,
        share: Float[Tensor, "share dim"],
        labels: Int64[Tensor, "batch 1"],
        _items: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of the images; `labels` are their positions in the dataset."""
        points, items = self.world.gather(share), labels[:, 0].cpu()
        turn = torch.rand(len(items), dtype=torch.float64) * self.table.counts[items]
        places = self.table.starts[items] + turn.long()
        chosen = self.table.vectors[places]
        with torch.autocast(points.device.type, enabled=False):
            scores = points @ chosen.to(points).T
            if self.meaning is not None:
                scores = apart(scores, self.meaning[places].to(scores.device))
            value: Tensor = self.losses[0](scores)
        return value


def evaluate_images_and_captions(
    model: nn.Module, encoder: ReadsText, dataset: ImageDataset, options: EmbedOptions
) -> Evaluation:
    """Evaluate both directions over the images of a dataset, all at once."""
    table = embed_captions(encoder, dataset)
    images = embed_dataset(model, dataset, options)
    return evaluate_captions(images, table.vectors, table.owner, texts=table.texts)
