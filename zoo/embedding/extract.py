"""Embeddings of a model, kept on disk when a folder is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.embedding.embed import Box, embed_batches
from zoo.embedding.store import embed_to_store, identity_of
from zoo.progress import Track, silent


@dataclass(frozen=True)
class Extractor:
    """A model and how it is run.

    `identity` names the weights (their sha256) for the embeddings kept in `folder`, a folder per
    set of images; without a folder embeddings stay in memory.
    """

    model: nn.Module
    identity: str = ""
    folder: Path | None = None
    batch_size: int = 64
    workers: int = 0
    device: str = "cpu"
    track: Track = silent

    def __call__(
        self, paths: Sequence[Path], name: str, boxes: Sequence[Box] | None = None
    ) -> Float[Tensor, "item dim"]:
        """Embed image files in order; `name` is the folder of the set in `folder`."""
        if self.folder is not None and boxes is None:
            return embed_to_store(
                self.model,
                paths,
                self.folder / name,
                identity_of(self.identity, paths, int(self.model.dim)),  # type: ignore[arg-type]
                batch_size=self.batch_size,
                workers=self.workers,
                device=self.device,
                track=self.track,
            )
        batches = embed_batches(
            self.model,
            paths,
            boxes=boxes,
            batch_size=self.batch_size,
            workers=self.workers,
            device=self.device,
            track=self.track,
        )
        return torch.cat(list(batches))
