"""From a dataset and a model to records and vectors."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset, Item, read_dataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.embedding.rows import Record
from zoo.embedding.sides import image_side, text_side
from zoo.embedding.vectors import Rows, unit_rows
from zoo.errors import DataError, UsageError
from zoo.files import sha256_of, straight
from zoo.progress import Track, silent

QUERIES = 1_000  # questions of the other modality that a tuner measures with

Embed = Callable[[Sequence[int]], Float[Tensor, "item dim"]]


def as_dataset(images: ImageDataset | Path | str) -> ImageDataset:
    """Return a dataset as it is, or read the one at a path; its images need no label.

    Raises:
        DataError: there is nothing to read.
    """
    if isinstance(images, ImageDataset):
        return images
    return read_dataset(Path(images), require_labels=False)


def image_records(dataset: ImageDataset, root: Path, track: Track = silent) -> list[Record]:
    """Return one record an image, with its content's hash; paths start from `root`."""
    items = track(dataset.items, "hash", len(dataset.items))
    return [_record(item, dataset, root, sha256_of(item.path), item.captions[:1]) for item in items]


def caption_records(dataset: ImageDataset, root: Path) -> list[Record]:
    """Return one record a caption, with the text's hash."""
    return [
        _record(item, dataset, root, hashlib.sha256(text.encode()).hexdigest(), (text,))
        for item in dataset.items
        for text in item.captions
    ]


def refuse_uncaptioned(dataset: ImageDataset) -> None:
    """Raise where there is no caption to index.

    Raises:
        DataError: no item has one.
    """
    if not any(item.captions for item in dataset.items):
        raise DataError(f"{dataset.place}: no item has a caption", "add a column `caption`")


def work_for(
    model: nn.Module, dataset: ImageDataset, root: Path, modality: str, options: EmbedOptions
) -> tuple[list[Record], Embed]:
    """Return what to index of a dataset, and a function from positions in it to embeddings.

    Raises:
        UsageError: the model lacks the side that `modality` needs.
        DataError: there is nothing of that modality.
    """
    if modality == "captions":
        refuse_uncaptioned(dataset)
    return part_work(model, dataset, root, modality, options)


def part_work(
    model: nn.Module, dataset: ImageDataset, root: Path, modality: str, options: EmbedOptions
) -> tuple[list[Record], Embed]:
    """Return what `work_for` does, of a part of a set, which may hold nothing of that modality.

    Raises:
        UsageError: the model lacks the side that `modality` needs.
    """
    if modality == "captions":
        records = caption_records(dataset, root)
        return records, _caption_embedder(model, [record.caption for record in records], options)
    image_side(model)
    return image_records(dataset, root, options.track), _image_embedder(model, dataset, options)


def embed_distinct(records: Sequence[Record], embed: Embed) -> Rows:
    """Embed records, each content once."""
    first: dict[str, int] = {}
    for position, record in enumerate(records):
        first.setdefault(record.sha256, position)
    places = {sha256: place for place, sha256 in enumerate(first)}
    names = [records[i].path for i in first.values()]
    vectors = unit_rows(embed(list(first.values())), "embedding", names)
    rows: Rows = vectors[[places[record.sha256] for record in records]]
    return rows


def query_like(
    model: nn.Module, dataset: ImageDataset, modality: str
) -> Float32[np.ndarray, "query dim"] | None:
    """Embed things of the other modality, as they will be asked for; None if there are none.

    A text asks an index of images from elsewhere in the space than its images would: an index
    tuned on images can lose half its recall for texts.
    """
    both = all(getattr(model, side, None) for side in ("embed_texts", "embed_images"))
    if not both or not any(item.captions for item in dataset.items):
        return None
    items = [item for item in dataset.items if item.captions][:QUERIES]
    if modality == "captions":
        asked = image_side(model)([item.path for item in items])
    else:
        asked = text_side(model)([item.captions[0] for item in items])
    return unit_rows(asked, "query")


def _image_embedder(model: nn.Module, dataset: ImageDataset, options: EmbedOptions) -> Embed:
    def embed(positions: Sequence[int]) -> Float[Tensor, "item dim"]:
        return embed_dataset(model, dataset.subset(positions), options)

    return embed


def _caption_embedder(model: nn.Module, texts: Sequence[str], options: EmbedOptions) -> Embed:
    embed_texts = text_side(model)
    if options.runtime != "torch":
        raise UsageError("--runtime is for images: torch reads captions", "leave it out")
    if options.workers:
        raise UsageError("--workers read images: captions are there already", "leave it out")
    model.to(options.device)

    def embed(positions: Sequence[int]) -> Float[Tensor, "item dim"]:
        starts = range(0, len(positions), options.batch_size)
        pieces = [
            embed_texts([texts[i] for i in positions[start : start + options.batch_size]])
            for start in options.track(starts, "embed", len(starts))
        ]
        return torch.cat(pieces)

    return embed


def _record(
    item: Item, dataset: ImageDataset, root: Path, sha256: str, captions: Sequence[str]
) -> Record:
    labels = dict(zip(dataset.levels, item.labels, strict=True))
    split = {"split": item.split} if item.split else {}
    path = relative_path(item.path.absolute(), root)
    return Record(path, sha256, next(iter(captions), ""), labels, {**item.extra, **split})


def relative_path(path: Path, root: Path) -> str:
    """Return `path` from `root` on when it lies below, else as it is; without `..`."""
    path, root = straight(path), straight(root)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
