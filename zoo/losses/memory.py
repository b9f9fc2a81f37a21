"""Cross-batch memory: rank against the embeddings of past batches too."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_choice, check_whole

JOINS = ("mean", "sum", "average")


@dataclass(frozen=True)
class MemoryOptions:
    """What a cross-batch memory keeps, and how its loss is joined to the batch's.

    `unique` keeps the latest embedding of every training image (ROADMAP) instead of the last
    `size` ones. `join`: "mean" ranks the batch against itself and the memory together, and takes
    `(1 - weight)` of the batch's own loss and `weight` of that; "sum" (ROADMAP) and "average"
    (SupRank) write the batch first, as constants, and rank it against the memory alone. `levels`
    is the number of label columns.
    """

    unique: bool = False
    join: str = "mean"
    weight: Number = 0.5
    levels: int = 1


class CrossBatchMemory(nn.Module):
    """Wraps any embedding loss: part of its value is measured against past embeddings.

    Wang et al., Cross-Batch Memory for Embedding Learning, CVPR 2020. The last `size` embeddings
    are kept without gradient. Published sizes: CUB 5824, SOP 59551, iNaturalist 60000 (ROADMAP).
    The memory is part of the state dict, so a resumed run continues with it. Without `options`,
    `weight` and `levels` are those of `MemoryOptions`.
    """

    embeddings: Tensor
    labels: Tensor
    written: Tensor
    decomposes = False

    def __init__(
        self,
        loss: nn.Module,
        size: int,
        dim: int,
        *,
        weight: Number = 0.5,
        levels: int = 1,
        options: MemoryOptions | None = None,
    ) -> None:
        super().__init__()
        self.options = options or MemoryOptions(weight=weight, levels=levels)
        check_whole(size=size, dim=dim, levels=self.options.levels)
        check_choice("join", self.options.join, JOINS)
        if not 0 <= self.options.weight <= 1:
            raise UsageError(f"weight is {weight!r}", "weight must be between 0 and 1")
        self.loss = loss
        self.register_buffer("embeddings", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, self.options.levels, dtype=torch.int64))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))
        if self.options.unique:
            self.register_buffer("seen", torch.zeros(size, dtype=torch.bool))

    seen: Tensor

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        items: Int64[Tensor, " item"] | None = None,
        *,
        use: bool = True,
    ) -> Tensor:
        """Return the loss of the batch, and remember it (in training mode).

        `items` names the training image of each embedding (positions below `size`; needed by a
        unique memory). `use=False` only fills the memory.
        """
        own: Tensor = self.loss(embeddings, labels)
        self._check(embeddings, labels, items)
        before = self.options.join == "mean"
        places = None if before or not self.training else self._remember(embeddings, labels, items)
        if use:
            own = self._joined(own, embeddings, labels, places)
        if before and self.training:
            self._remember(embeddings, labels, items)
        return own

    def _joined(
        self, own: Tensor, embeddings: Tensor, labels: Tensor, places: Tensor | None
    ) -> Tensor:
        """Return the batch's own loss joined with that against the memory; `places`: its rows."""
        kept = self._kept()
        if not len(kept):
            return own
        past = self.embeddings[kept].to(embeddings.dtype)
        named = self.labels[kept, 0] if labels.ndim == 1 else self.labels[kept]
        if self.options.join == "mean":
            places = torch.arange(len(labels), device=labels.device)
            past, named = torch.cat([embeddings, past]), torch.cat([labels, named])
            across: Tensor = self.loss(embeddings, labels, past, named, places)
            return (1 - self.options.weight) * own + self.options.weight * across
        columns = None if places is None else _columns(kept, places, len(self.embeddings))
        across = self.loss(embeddings, labels, past, named, columns)
        return own + across if self.options.join == "sum" else (own + across) / 2

    def _remember(self, embeddings: Tensor, labels: Tensor, items: Tensor | None) -> Tensor:
        """Write the batch; return the row of each embedding, -1 for those that had no room."""
        size, count = len(self.embeddings), len(embeddings)
        rows = torch.arange(count, device=embeddings.device)
        if self.options.unique and items is not None:
            places = items
        else:  # of more than there is room for the last stay
            start = int(self.written) - max(0, count - size)
            places = ((start + rows) % size).where(rows >= count - size, -1)
        kept = places >= 0
        values = labels if labels.ndim == 2 else labels[:, None]
        self.embeddings[places[kept]] = embeddings.detach()[kept].to(self.embeddings.dtype)
        self.labels[places[kept]] = values[kept].long()
        self.written += min(count, size)
        if self.options.unique:
            self.seen[places] = True
        return places

    def _kept(self) -> Int64[Tensor, " row"]:
        """Return the rows that hold an embedding."""
        if self.options.unique:
            return self.seen.nonzero()[:, 0]
        held = min(int(self.written), len(self.embeddings))
        return torch.arange(held, device=self.embeddings.device)

    def _check(self, embeddings: Tensor, labels: Tensor, items: Tensor | None) -> None:
        if embeddings.shape[1] != self.embeddings.shape[1]:
            raise UsageError(
                f"embeddings of dimension {embeddings.shape[1]}",
                f"the memory was made with dim={self.embeddings.shape[1]}",
            )
        columns = 1 if labels.ndim == 1 else labels.shape[1]
        if columns != self.labels.shape[1]:
            raise UsageError(
                f"labels of {columns} levels",
                f"the memory was made with levels={self.labels.shape[1]}",
            )
        if self.options.unique and (items is None or len(items) != len(embeddings)):
            raise UsageError("a unique memory needs items", "one training image per embedding")


def _columns(kept: Tensor, places: Tensor, size: int) -> Int64[Tensor, " item"]:
    """Return where each memory row stands among the rows that are kept; -1 stays -1."""
    column = torch.full((size + 1,), -1, device=kept.device)
    column[kept] = torch.arange(len(kept), device=kept.device)
    return column[places]
