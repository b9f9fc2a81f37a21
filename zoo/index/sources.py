"""From a dataset and a model to records and vectors."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset, Item
from zoo.embedding.embed import embed_dataset
from zoo.errors import DataError, UsageError
from zoo.files import sha256_of
from zoo.index.rows import Record
from zoo.index.vectors import unit_rows
from zoo.progress import Track, silent

QUERIES = 1_000  # questions of the other modality that a tuner measures with

Embed = Callable[[Sequence[int]], Float[Tensor, "item dim"]]


def image_records(dataset: ImageDataset, root: Path, track: Track = silent) -> list[Record]:
    """Return one record an image, with its content's hash; paths start from `root`."""
    items = track(dataset.items, "hash", len(dataset.items))
    return [_record(item, dataset, root, sha256_of(item.path), item.captions[:1]) for item in items]


def caption_records(dataset: ImageDataset, root: Path) -> list[Record]:
    """Return one record a caption, with the text's hash.

    Raises:
        DataError: no item has a caption.
    """
    records = [
        _record(item, dataset, root, hashlib.sha256(text.encode()).hexdigest(), (text,))
        for item in dataset.items
        for text in item.captions
    ]
    if not records:
        raise DataError(f"{dataset.root}: no item has a caption", "add a column `caption`")
    return records


@dataclass(frozen=True)
class Means:
    """What embedding may use: items in one pass, loading processes, device; `track` watches it."""

    batch_size: int = 64
    workers: int = 0
    device: str = "cpu"
    track: Track = silent


def work_for(
    model: nn.Module, dataset: ImageDataset, root: Path, modality: str, means: Means
) -> tuple[list[Record], Embed]:
    """Return what to index of a dataset, and a function from positions in it to embeddings.

    Raises:
        UsageError: the model lacks the side that `modality` needs.
        DataError: there is nothing of that modality.
    """
    if modality == "captions":
        records = caption_records(dataset, root)
        return records, _caption_embedder(model, [record.caption for record in records], means)
    image_side(model)
    return image_records(dataset, root, means.track), _image_embedder(model, dataset, means)


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


def _image_embedder(model: nn.Module, dataset: ImageDataset, means: Means) -> Embed:
    def embed(positions: Sequence[int]) -> Float[Tensor, "item dim"]:
        return embed_dataset(
            model,
            dataset.subset(positions),
            batch_size=means.batch_size,
            workers=means.workers,
            device=means.device,
            track=means.track,
        )

    return embed


def _caption_embedder(model: nn.Module, texts: Sequence[str], means: Means) -> Embed:
    embed_texts = text_side(model)

    def embed(positions: Sequence[int]) -> Float[Tensor, "item dim"]:
        starts = range(0, len(positions), means.batch_size)
        pieces = [
            embed_texts([texts[i] for i in positions[start : start + means.batch_size]])
            for start in means.track(starts, "embed", len(starts))
        ]
        return torch.cat(pieces)

    return embed


def text_side(model: nn.Module) -> Callable[[list[str]], Float[Tensor, "text dim"]]:
    """Return the model's `embed_texts`.

    Raises:
        UsageError: it has none.
    """
    return _side(model, "embed_texts", "read text")


def image_side(model: nn.Module) -> Callable[[list[Any]], Float[Tensor, "image dim"]]:
    """Return the model's `embed_images`.

    Raises:
        UsageError: it has none.
    """
    return _side(model, "embed_images", "look at images")


def dim_of(model: nn.Module) -> int:
    """Return the width of the model's embeddings."""
    width: Any = model.dim
    return int(width)


def _side(model: nn.Module, method: str, ability: str) -> Callable[[list[Any]], Tensor]:
    found: Callable[[list[Any]], Tensor] | None = getattr(model, method, None)
    if found is None:
        raise UsageError(
            f"this model cannot {ability}",
            "give a model with both sides, or the other kind of query",
        )
    return found


def _record(
    item: Item, dataset: ImageDataset, root: Path, sha256: str, captions: Sequence[str]
) -> Record:
    labels = dict(zip(dataset.levels, item.labels, strict=True))
    split = {"split": item.split} if item.split else {}
    path = relative_path(item.path.absolute(), root)
    return Record(path, sha256, next(iter(captions), ""), labels, {**item.extra, **split})


def relative_path(path: Path, root: Path) -> str:
    """Return `path` from `root` on when it lies below, else as it is."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
