"""Embeddings of a model, kept on disk when a folder is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.embedding.embed import Box, embed_batches
from zoo.embedding.options import EmbedOptions
from zoo.embedding.sides import dim_of
from zoo.embedding.store import embed_to_store, identity_of


@dataclass(frozen=True)
class Extractor:
    """A model and how it is run.

    `identity` names the weights (their sha256) for the embeddings kept in `folder`, a folder per
    set of images; without a folder embeddings stay in memory.
    """

    model: nn.Module
    identity: str = ""
    folder: Path | None = None
    options: EmbedOptions = field(default_factory=EmbedOptions)

    def __call__(
        self, paths: Sequence[Path], name: str, boxes: Sequence[Box] | None = None
    ) -> Float[Tensor, "item dim"]:
        """Embed image files in order; `name` is the folder of the set in `folder`."""
        if self.folder is not None and boxes is None:
            identity = identity_of(self.identity, paths, dim_of(self.model))
            return embed_to_store(self.model, paths, self.folder / name, identity, self.options)
        return torch.cat(list(embed_batches(self.model, paths, self.options, boxes)))
