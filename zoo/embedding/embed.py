"""Images to embeddings, in the dataset's order."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from zoo.data.dataset import ImageDataset
from zoo.data.images import open_image
from zoo.data.workers import start_method
from zoo.device import keep_freed_memory
from zoo.embedding.options import EmbedOptions
from zoo.embedding.runtime import forward_by
from zoo.errors import DataError, RankzooError
from zoo.models.layout import channels_last

Transform = Callable[[Image], Tensor]
Box = tuple[float, float, float, float]
LOG = logging.getLogger("rankzoo")
ROWS = 2**16


class Images(Dataset[Tensor | RankzooError]):
    """Image files as network inputs; one that cannot be read comes back as its error.

    An error that crosses a worker process as an exception would arrive as a traceback.
    """

    def __init__(
        self, paths: Sequence[Path], transform: Transform, boxes: Sequence[Box] | None = None
    ) -> None:
        self.paths = list(paths)
        self.transform = transform
        self.boxes = boxes

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> Tensor | RankzooError:
        try:
            image = open_image(self.paths[position])
            return self.transform(image.crop(self.boxes[position]) if self.boxes else image)
        except RankzooError as error:
            return error


def embed_dataset(
    model: nn.Module, dataset: ImageDataset, options: EmbedOptions = EmbedOptions()
) -> Float[Tensor, "item dim"]:
    """Embed every item of a dataset with the model's evaluation transform.

    The model is put on the options' device and, for the time of the call, into evaluation mode and
    into the layout that a CPU is fastest in.

    Raises:
        DataError: an image cannot be read, or its embedding is not finite.
    """
    return torch.cat(list(embed_batches(model, dataset.paths, options)))


def embed_batches(
    model: nn.Module,
    paths: Sequence[Path],
    options: EmbedOptions = EmbedOptions(),
    boxes: Sequence[Box] | None = None,
) -> Iterator[Float[Tensor, "batch dim"]]:
    """Yield the embeddings of image files, one batch at a time, in order (see embed_dataset).

    `boxes` (left, upper, right, lower) cuts a part out of each image, in pixels.
    """
    transform: Any = model.transform
    loader: DataLoader[Tensor | RankzooError] = DataLoader(
        Images(paths, transform, boxes),
        batch_size=options.batch_size,
        num_workers=options.workers,
        collate_fn=list,
        multiprocessing_context=start_method() if options.workers else None,
    )
    keep_freed_memory()
    training = model.training
    model.eval().to(options.device)
    start, empty = 0, list[Path]()
    try:
        with channels_last(model):
            forward = forward_by(model, options, len(paths))
            for images in options.track(loader, "embedding", total=len(loader)):
                vectors = forward(torch.stack([_checked(image) for image in images]))
                here = paths[start : start + len(vectors)]
                refuse_non_finite(vectors, here)
                empty += [here[i] for i in (~vectors.any(dim=1)).nonzero()[:, 0].tolist()]
                start += len(vectors)
                yield vectors
    finally:
        model.train(training)
    if empty:
        LOG.warning("%d of %d embeddings are zero: %s", len(empty), start, _shown(empty))


def _checked(image: Tensor | RankzooError) -> Tensor:
    if isinstance(image, RankzooError):
        raise image
    return image


def refuse_non_finite(vectors: Float[Tensor, "item dim"], paths: Sequence[Path]) -> None:
    """Raise, naming the images, when an embedding holds an infinity or is not a number.

    Raises:
        DataError: naming up to three of the images.
    """
    broken: list[int] = []
    for low in range(0, len(vectors), ROWS):  # a memory-mapped million is never in memory whole
        finite = vectors[low : low + ROWS].isfinite().all(dim=1)
        broken += ((~finite).nonzero()[:, 0] + low).tolist()
    if broken:
        raise DataError(
            f"{len(broken)} embeddings are not finite: {_shown([paths[i] for i in broken])}",
            "the weights are probably broken: check that the training loss stayed finite",
        )


def _shown(paths: Sequence[Path]) -> str:
    """Name up to three of the files."""
    return ", ".join(map(str, paths[:3])) + (", …" if len(paths) > 3 else "")
